"""Workers go to the machines that cameras name; where none has the label, the reason is said."""

from collections import Counter

import pytest

from jobs.cluster.placement import Machine, place
from jobs.engine.options import WORKER_BYTES

PLAIN, VAULT_1, VAULT_2 = (Machine(labels, 4) for labels in ({}, {"machine": "vault-1"}, {"machine": "vault-2"}))
LABELS = {"gate": "machine=vault-1", "hall": "machine=vault-2", "door": "machine=vault-2"}


def test_each_machine_has_its_workers_and_the_others_do_the_rest():
    placed = place(12, [PLAIN, VAULT_1, VAULT_2], LABELS)
    assert Counter(placed.workers) == {None: 4, "machine=vault-1": 4, "machine=vault-2": 4}
    assert placed.labels == LABELS and placed.notices == ()
    assert placed.selector("machine=vault-1") == {"machine": "vault-1"}
    assert placed.selector(None) == {"machine": "!in(vault-1,vault-2)"}


def test_few_workers_still_leave_one_for_each_label():
    placed = place(3, [PLAIN, VAULT_1, VAULT_2], LABELS)
    assert Counter(placed.workers) == {None: 1, "machine=vault-1": 1, "machine=vault-2": 1}


def test_a_label_that_no_machine_has_is_said_with_its_cameras():
    placed = place(8, [PLAIN, VAULT_1], LABELS)
    assert placed.labels == {"gate": "machine=vault-1"}
    assert placed.notices == (
        "node_label machine=vault-2 of door, hall: no machine of the cluster has that label; "
        "its footage is read from any machine",
    )


def test_too_few_workers_for_a_label_are_said():
    (notice,) = place(1, [VAULT_1, VAULT_2], LABELS).notices
    assert "1 workers are too few" in notice


def test_without_labels_every_worker_goes_anywhere():
    placed = place(5, [PLAIN, VAULT_1], {})
    assert placed.workers == (None,) * 5 and placed.selector(None) == {}


def test_more_workers_than_there_is_room_for_go_anywhere_else():
    placed = place(6, [VAULT_1], {"gate": "machine=vault-1"})
    assert Counter(placed.workers) == {"machine=vault-1": 4, None: 2}


@pytest.mark.parametrize(
    ("resources", "room"),
    [
        ({"CPU": 8.0, "memory": 8.0 * WORKER_BYTES}, 8),
        ({"CPU": 64.0, "memory": 21.5 * WORKER_BYTES}, 21),
        ({"CPU": 4.0, "memory": 0.5 * WORKER_BYTES}, 0),
        ({"CPU": 4.0}, 4),
    ],
)
def test_a_machine_has_room_for_as_many_workers_as_its_cpus_and_its_memory_allow(resources, room):
    machine = Machine.of({"Labels": {"machine": "vault-1"}, "NodeID": "n1", "Resources": resources})
    assert machine == Machine({"machine": "vault-1"}, room, "n1")


def test_more_workers_than_there_is_room_for_are_said():
    assert place(8, [PLAIN, VAULT_1], {}).notices == ()
    (notice,) = place(9, [PLAIN, VAULT_1], {}).notices
    assert "(1.5 GB each) for 8 of 9 workers" in notice

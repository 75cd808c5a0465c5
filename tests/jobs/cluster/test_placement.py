"""Workers go to the machines that cameras name; where none has the label, the reason is said."""

from collections import Counter

from jobs.cluster.placement import Machine, place

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


def test_more_workers_than_cpus_go_anywhere_else():
    placed = place(6, [VAULT_1], {"gate": "machine=vault-1"})
    assert Counter(placed.workers) == {"machine=vault-1": 4, None: 2}

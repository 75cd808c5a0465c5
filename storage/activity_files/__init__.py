"""JSON files of NIST's ActEV: references, system outputs, file indexes and activity indexes."""

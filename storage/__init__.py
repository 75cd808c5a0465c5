"""Where bytes live: video containers, Parquet, receipts, DuckDB, GIS files, model weights.

``store`` holds tables, receipts, the manifest and the rule of live rows; ``maintenance`` verifies, repairs, compacts
and purges it; ``coordination`` keeps several runs on one store apart. ``archive`` finds footage, ``video`` reads and
writes it, ``site`` and ``weights`` are the user's own files, ``blobs`` is the folder or object store that files live
in, ``sql`` queries the store, and ``exports`` writes the files that leave it.
"""

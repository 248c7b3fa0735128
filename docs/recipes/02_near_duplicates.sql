-- Pairs of clips that look alike. set_aside: curation set the first one aside for the other (`duplicate_of`), as their
-- hashes differ by at most `near_duplicate_bits` of 64 bits on average over five frames (6 by default; a better clip is
-- kept, and clips of one shot are never compared). The others are kept, and at most 10 bits of their middle frames
-- differ. bits_apart is that average for all of them.
-- Kept pairs are looked for among clips that share a quarter of the middle frame's hash, so that a million clips need
-- no million squared comparisons; a pair that differs in all four quarters is missed.
WITH hashed AS (
    SELECT clip_id, source_id, phash, kept, duplicate_of
    FROM clips
    WHERE phash <> '' AND (kept OR duplicate_of IS NOT NULL)
),
quarters AS (
    SELECT clip_id, quarter, phash[33 + 4 * quarter : 36 + 4 * quarter] AS bits, ('0x' || phash[33:48])::UBIGINT AS middle
    FROM hashed, range(4) AS quarters(quarter)
    WHERE kept
),
pairs AS (
    SELECT a.clip_id, b.clip_id AS looks_like, false AS set_aside
    FROM quarters a
    JOIN quarters b ON a.quarter = b.quarter AND a.bits = b.bits AND a.clip_id < b.clip_id
    WHERE bit_count(xor(a.middle, b.middle)) <= 10
    UNION
    SELECT clip_id, duplicate_of, true FROM hashed WHERE duplicate_of IS NOT NULL
)
SELECT pairs.clip_id, looks_like, set_aside, a.source_id = b.source_id AS same_source,
    sum(bit_count(xor(
        ('0x' || a.phash[16 * frame + 1 : 16 * frame + 16])::UBIGINT,
        ('0x' || b.phash[16 * frame + 1 : 16 * frame + 16])::UBIGINT
    ))) / 5 AS bits_apart
FROM pairs
JOIN hashed a ON a.clip_id = pairs.clip_id
JOIN hashed b ON b.clip_id = looks_like, range(5) AS frames(frame)
GROUP BY ALL
ORDER BY bits_apart, pairs.clip_id, looks_like

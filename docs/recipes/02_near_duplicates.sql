-- Pairs of kept clips that look alike: at most 10 of 64 bits of the perceptual hash of the middle frame differ.
-- Those that curation set aside are not among them: they have kept = false, and duplicate_of names the other clip.
-- Pairs are looked for among clips that share a quarter of the hash, so that a million clips need no million squared
-- comparisons; a pair that differs in all four quarters is missed.
WITH hashes AS (
    SELECT clip_id, source_id, phash[33:48] AS hash
    FROM clips
    WHERE kept AND phash IS NOT NULL
),
quarters AS (
    SELECT clip_id, source_id, hash, quarter, hash[4 * quarter + 1 : 4 * quarter + 4] AS bits
    FROM hashes, range(4) AS quarters(quarter)
)
SELECT a.clip_id, b.clip_id AS looks_like, a.source_id = b.source_id AS same_source,
    bit_count(xor(('0x' || a.hash)::UBIGINT, ('0x' || b.hash)::UBIGINT)) AS bits_apart
FROM quarters a
JOIN quarters b ON a.quarter = b.quarter AND a.bits = b.bits AND a.clip_id < b.clip_id
WHERE bit_count(xor(('0x' || a.hash)::UBIGINT, ('0x' || b.hash)::UBIGINT)) <= 10
GROUP BY ALL
ORDER BY bits_apart, a.clip_id, looks_like

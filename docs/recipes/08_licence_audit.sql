-- What the kept clips may be used for: clips and seconds by the licence that the source list named. "unknown": the
-- sources were given without a list, or the list has no column licence.
SELECT coalesce(licence, 'unknown') AS licence, count(DISTINCT source_id) AS sources, count(*) AS clips,
    round(sum(duration_s), 1) AS seconds
FROM clips
WHERE kept
GROUP BY ALL
ORDER BY seconds DESC, licence

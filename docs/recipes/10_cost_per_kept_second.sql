-- What a second of kept video cost, over all runs of `curate`: wall seconds, and busy seconds of the workers by stage;
-- and the wall seconds of each annotator that `annotate` ran. Runs that were killed have no row, so they are not counted.
WITH stages AS (
    SELECT unnest(json_keys(counts, '$.stages')) AS stage, counts
    FROM (SELECT counts::JSON AS counts FROM runs WHERE command = 'curate')
),
costs AS (
    SELECT 'wall time of curate' AS stage, sum(seconds) AS spent_s FROM runs WHERE command = 'curate'
    UNION ALL
    SELECT command, sum(seconds) FROM runs WHERE command LIKE 'annotate %' GROUP BY command
    UNION ALL
    SELECT stage, sum((counts -> 'stages' -> stage ->> 'busy_s')::DOUBLE) FROM stages GROUP BY stage
)
SELECT stage, round(spent_s, 1) AS spent_s, round(kept_s, 1) AS kept_s,
    round(spent_s / nullif(kept_s, 0), 3) AS spent_s_per_kept_s
FROM costs, (SELECT sum(duration_s) AS kept_s FROM clips WHERE kept)
ORDER BY spent_s DESC NULLS LAST, stage

-- What became of each source: its seconds, those that were kept and their share, and the rule that cost it the most.
-- An input whose content was taken from another one (reason `duplicate`, the same source_id) has none of its own.
WITH fates AS (
    SELECT source_id, count(*) AS candidates, count(*) FILTER (kept) AS kept,
        coalesce(sum(end_s - start_s) FILTER (kept), 0) AS kept_s
    FROM clips
    GROUP BY source_id
),
losses AS (
    SELECT source_id, max_by(reason, (lost_s, reason)) AS dearest_reason
    FROM (
        SELECT source_id, reason, sum(seconds) AS lost_s
        FROM (SELECT source_id, unnest(reject_reasons) AS reason, end_s - start_s AS seconds FROM clips)
        GROUP BY ALL
    )
    GROUP BY source_id
)
SELECT uri, verdict, reason, coalesce(candidates, 0) AS candidates, coalesce(kept, 0) AS kept,
    round(duration_s, 2) AS source_s, round(coalesce(fates.kept_s, 0), 2) AS kept_s,
    round(coalesce(kept_s, 0) / nullif(duration_s, 0), 3) AS kept_share, dearest_reason
FROM sources
LEFT JOIN fates ON fates.source_id = sources.source_id AND reason IS DISTINCT FROM 'duplicate'
LEFT JOIN losses ON losses.source_id = sources.source_id AND reason IS DISTINCT FROM 'duplicate'
ORDER BY kept_share NULLS FIRST, uri

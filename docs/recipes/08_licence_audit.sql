-- What the kept clips may be used for. Videos: clips and seconds by the licence that the source list named; "unknown":
-- the sources were given without a list, or the list has no column licence. In conflict: inputs of equal content were
-- listed under several licences, of which `clips.licence` shows only the first by address.
-- Annotations: clips and seconds by annotator; `figureground weights list` names the licences of their weights.
WITH stated AS (
    SELECT source_id, string_agg(DISTINCT licence, ' / ' ORDER BY licence) AS licences,
        count(DISTINCT licence) > 1 AS in_conflict
    FROM sources
    WHERE sha256 <> ''
    GROUP BY source_id
),
annotated AS (
    SELECT DISTINCT 'poses' AS made, annotator, clip_id FROM poses
    UNION ALL
    SELECT DISTINCT 'masks', annotator, clip_id FROM masks
    UNION ALL
    SELECT DISTINCT 'tracks', annotator, clip_id FROM tracks
),
uses AS (
    SELECT 'videos' AS what, coalesce(licences, 'unknown') AS licence_or_annotator, coalesce(in_conflict, false) AS in_conflict,
        source_id, duration_s
    FROM (SELECT source_id, duration_s FROM clips WHERE kept)
    LEFT JOIN stated USING (source_id)
    UNION ALL
    SELECT made, annotator, false, source_id, duration_s
    FROM annotated
    JOIN (SELECT clip_id, source_id, duration_s FROM clips) USING (clip_id)
)
SELECT what, licence_or_annotator, in_conflict, count(DISTINCT source_id) AS sources, count(*) AS clips,
    round(sum(duration_s), 1) AS seconds
FROM uses
GROUP BY ALL
ORDER BY what DESC, seconds DESC, licence_or_annotator

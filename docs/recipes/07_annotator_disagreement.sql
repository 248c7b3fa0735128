-- Where several annotators have worked on a clip: how far apart they are. Poses: distance of a joint in px of the stored
-- clip, where both are sure of it; joints are compared by name, so also between skeletons. Masks: difference of the areas
-- as a share of the larger one, frame by frame. Without a second annotator there are no rows;
-- `figureground annotate CORPUS --only masks --with selfie` adds one on a CPU.
WITH places AS (
    SELECT * FROM all_keypoints
    WHERE confidence >= 0.5
        AND clip_id IN (SELECT clip_id FROM poses GROUP BY clip_id HAVING count(DISTINCT annotator) > 1)
),
areas AS (
    SELECT clip_id, person, annotator, unnest(range(frames)) AS frame, unnest(area_px) AS area_px FROM masks
    WHERE clip_id IN (SELECT clip_id FROM masks GROUP BY clip_id HAVING count(DISTINCT annotator) > 1)
),
differences AS (
    SELECT 'poses' AS kind, 'px' AS unit, clip_id, person, a.annotator, b.annotator AS other,
        sqrt((a.x - b.x) ** 2 + (a.y - b.y) ** 2) AS apart
    FROM places a
    JOIN places b USING (clip_id, person, joint, frame)
    WHERE a.annotator < b.annotator
    UNION ALL
    SELECT 'masks', 'share of area', clip_id, person, a.annotator, b.annotator,
        abs(a.area_px - b.area_px) / greatest(a.area_px, b.area_px)
    FROM areas a
    JOIN areas b USING (clip_id, person, frame)
    WHERE a.annotator < b.annotator AND greatest(a.area_px, b.area_px) > 0
)
SELECT kind, clip_id, person, annotator, other, count(*) AS compared, unit,
    round(median(apart), 3) AS apart_median, round(quantile_cont(apart, 0.95), 3) AS apart_p95
FROM differences
GROUP BY ALL
ORDER BY kind, apart_median DESC, clip_id, person, annotator, other

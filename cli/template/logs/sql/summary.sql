SELECT SPLIT_PART(entry, '/', 2)                         AS entered_at,
       COUNT(*)                                          AS sessions,
       COUNT(DISTINCT visitor)                           AS visitors,
       ROUND(AVG(requests), 1)                           AS requests_each,
       COUNT(*) FILTER (WHERE requests = 1)              AS left_at_once,
       COUNT(*) FILTER (WHERE errors > 0)                AS met_errors,
       MAX(slowest_ms)                                   AS slowest_ms
FROM input
GROUP BY 1
ORDER BY sessions DESC

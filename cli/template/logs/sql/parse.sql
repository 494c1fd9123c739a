SELECT time, visitor, path, status, bytes, took_ms, agent
FROM input

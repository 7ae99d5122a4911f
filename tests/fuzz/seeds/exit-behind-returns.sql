-- only words
EXIT()
SELECT 1

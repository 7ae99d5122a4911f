SELECT 0
:r part.sql
GO
/*
:r part.sql
*/ SELECT 3
:setvar d .
:R "$(d)\part.sql" -- again

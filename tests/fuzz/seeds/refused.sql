:r other.sql

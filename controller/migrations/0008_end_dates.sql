-- What a person said to end some day when confirming a gate, as licences do (G23): the last day, and what it is.
ALTER TABLE confirmations ADD COLUMN ends TEXT;
ALTER TABLE confirmations ADD COLUMN end_date_of TEXT;

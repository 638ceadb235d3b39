-- How many rows of committed generations each table had at a commit (JSON), with the generation up to which dead rows
-- had been removed; and what is damaged. Further `what`: sweep (dead rows are being removed), damage.
ALTER TABLE state ADD COLUMN IF NOT EXISTS held String

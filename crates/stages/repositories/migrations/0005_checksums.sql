-- What a client says of an upload beside its content type, and the checksums that were taken of its parts.

-- JSON object of text to text: HTTP headers of the object
ALTER TABLE upload ADD COLUMN headers TEXT NOT NULL DEFAULT '{}';
-- such as crc32 and FULL_OBJECT
ALTER TABLE upload ADD COLUMN checksum_algorithm TEXT;
ALTER TABLE upload ADD COLUMN checksum_type TEXT;
-- JSON object of algorithm to base64
ALTER TABLE upload_part ADD COLUMN checksums TEXT NOT NULL DEFAULT '{}';

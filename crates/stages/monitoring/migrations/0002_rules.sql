-- What is remembered of the windows before (JSON): the newest windows, calm ones in a row, levels of signals.
ALTER TABLE monitor_position ADD COLUMN history TEXT;

-- Signals beside drift (JSON), and the worst level of all: ok, warn or critical.
ALTER TABLE monitor_window ADD COLUMN signals TEXT;
ALTER TABLE monitor_window ADD COLUMN level TEXT;

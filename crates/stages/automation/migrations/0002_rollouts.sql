-- The stations between gate and swap: shadow and canary.

-- When the candidate began to get copies of the live requests.
ALTER TABLE retraining ADD COLUMN shadow_since BIGINT;
-- What it did with them (ShadowFigures as JSON).
ALTER TABLE retraining ADD COLUMN shadow TEXT;
-- The rollout of its endpoint.
ALTER TABLE retraining ADD COLUMN rollout TEXT;

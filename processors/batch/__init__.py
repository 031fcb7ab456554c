"""Jobs of a batch system: the work of a run cut into shards, submitted, watched, collected; no open port needed."""

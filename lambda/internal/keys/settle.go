package keys

import "time"

// settleTime is the age at which a version begins to seal. Until then the
// previous one seals, while both open: a cookie must not meet a Lambda that
// cannot have its key yet. "The new secret value propagates to all of the
// associated replica secrets" (AWS Secrets Manager User Guide, "Replicate AWS
// Secrets Manager secrets across Regions"), and AWS does not document how long
// that takes. The time beyond maxAge is for it.
//
// Whether a replica's CreatedDate is the primary's or that of the copying, AWS
// does not say either. Both will do: neither is before the primary's.
const settleTime = maxAge + 5*time.Minute

// versions are those of the secret that matter.
type versions struct {
	current  version
	previous *version // nil: no version, or not a key
}

// order returns the keys, first the one that seals, and when that will be
// another: zero for not before the next rotation.
//
// A version of the future is a new one: clocks differ, though by no more than
// the five minutes within which Secrets Manager accepts a signature. A version
// without a date seals, or without dates no version would.
func (v versions) order(now time.Time, settle time.Duration) (keys []string, until time.Time) {
	current := v.current.key.Reveal()
	if v.previous == nil {
		return []string{current}, time.Time{}
	}
	previous := v.previous.key.Reveal()
	settled := v.current.created.Add(settle)
	if v.current.created.IsZero() || !now.Before(settled) {
		return []string{current, previous}, time.Time{}
	}
	return []string{previous, current}, settled
}

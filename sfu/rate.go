package sfu

import "time"

// rate counts what comes in the current second. Its zero value is ready.
type rate struct {
	second int64 // Unix time
	count  int   // in it
}

// full reports whether one more would be over most.
func (r *rate) full(most int, at time.Time) bool { return r.second == at.Unix() && r.count >= most }

// over counts one more, and reports whether there were more than most.
func (r *rate) over(most int, at time.Time) bool {
	if second := at.Unix(); second != r.second {
		r.second, r.count = second, 0
	}
	r.count++
	return r.count > most
}

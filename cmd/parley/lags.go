package main

import (
	"slices"
	"sync"
	"time"

	"github.com/parley/parley"
	"github.com/parley/parley/signaling"
)

// lags measures how long after they were said words are seen. It is safe for concurrent use.
type lags struct {
	mu     sync.Mutex // guards everything below
	shown  map[parley.UtteranceID]int
	words  []shownWord
	finals map[parley.UtteranceID]time.Time // when their captions came
}

// shownWord is a word that was shown while its utterance grew.
type shownWord struct {
	end time.Duration // meeting clock
	at  time.Time
}

func newLags() *lags {
	return &lags{shown: map[parley.UtteranceID]int{}, finals: map[parley.UtteranceID]time.Time{}}
}

// interim takes what is shown of a growing utterance now.
func (l *lags) interim(u parley.Utterance) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	for _, w := range u.Words[min(l.shown[u.ID], len(u.Words)):] {
		l.words = append(l.words, shownWord{w.End, now})
	}
	l.shown[u.ID] = len(u.Words)
}

// message takes what a participant is sent.
func (l *lags) message(m signaling.Message) {
	if caption, ok := m.(*signaling.Caption); ok && caption.Final {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.finals[caption.Utterance] = time.Now()
	}
}

// quantiles are what is asked of lags: the middle one, and the one that a twentieth exceeds, in seconds.
type quantiles struct {
	Count int     `json:"count"`
	P50   float64 `json:"p50"`
	P95   float64 `json:"p95"`
}

func quantilesOf(all []time.Duration) quantiles {
	if len(all) == 0 {
		return quantiles{}
	}
	slices.Sort(all)
	at := func(share float64) float64 { return rounded(all[int(share*float64(len(all)-1))].Seconds()) }
	return quantiles{Count: len(all), P50: at(0.5), P95: at(0.95)}
}

// sum gives the lags of words, from their own ends, and of finals, from the end of their last word.
func (l *lags) sum(t parley.Transcript) (words, finals quantiles) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var shown, final []time.Duration
	for _, w := range l.words {
		shown = append(shown, t.Meeting.Clock(w.at)-w.end)
	}
	for _, u := range t.Utterances {
		if at, ok := l.finals[u.ID]; ok && len(u.Words) > 0 {
			final = append(final, t.Meeting.Clock(at)-u.Words[len(u.Words)-1].End)
		}
	}
	return quantilesOf(shown), quantilesOf(final)
}

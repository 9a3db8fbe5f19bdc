package transcribe

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	utterances, recognized, deferred, parked, guarded, overflow, saveErrors prometheus.Counter
	minutes, refined, refineFailed, refineRejected                          prometheus.Counter
	interims, interimsDropped                                               prometheus.Counter
	waiting, oldest                                                         prometheus.Gauge
	lag, wordLag                                                            prometheus.Histogram
}

func newMetrics(reg prometheus.Registerer) (*metrics, error) {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Namespace: "parley", Subsystem: "transcribe", Name: name, Help: help})
	}
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Namespace: "parley", Subsystem: "transcribe", Name: name, Help: help})
	}
	m := &metrics{
		waiting:         gauge("waiting", "Utterances that wait for words, of the region that was asked last."),
		oldest:          gauge("oldest_seconds", "How long ago the first of them ended."),
		utterances:      counter("utterances_total", "Utterances cut and stored."),
		recognized:      counter("recognized_total", "Utterances whose words were stored."),
		deferred:        counter("deferred_total", "Attempts to recognize that failed."),
		parked:          counter("parked_total", "Utterances given up after the last attempt."),
		guarded:         counter("guarded_total", "Utterances decoded again because the first text could not be."),
		overflow:        counter("overflow_packets_total", "Packets dropped because hearing did not keep up."),
		saveErrors:      counter("save_errors_total", "Attempts to store an utterance that failed."),
		minutes:         counter("minutes_total", "Times minutes were made."),
		interims:        counter("interims_total", "Times words were shown before their utterance ended."),
		interimsDropped: counter("interims_dropped_total", "Snapshots of growing utterances that came to nothing: late, or no use."),
		wordLag: prometheus.NewHistogram(prometheus.HistogramOpts{
			Namespace: "parley", Subsystem: "transcribe", Name: "word_lag_seconds",
			Help:    "From the end of a word to its being shown, within a growing utterance.",
			Buckets: []float64{0.5, 1, 1.5, 2, 2.5, 3, 3.5, 5, 10},
		}),
		refined:        counter("refined_total", "Minutes that a language model went over."),
		refineFailed:   counter("refine_failed_total", "Minutes that stay as they were because the model was of no use."),
		refineRejected: counter("refine_rejected_total", "Answers of a language model that do not hold."),
		lag: prometheus.NewHistogram(prometheus.HistogramOpts{
			Namespace: "parley", Subsystem: "transcribe", Name: "lag_seconds",
			Help:    "From the end of an utterance to its words.",
			Buckets: []float64{0.5, 1, 2, 3, 5, 10, 30, 60, 300},
		}),
	}
	for _, c := range []prometheus.Collector{
		m.utterances, m.recognized, m.deferred, m.parked, m.guarded, m.overflow, m.saveErrors, m.minutes, m.lag, m.waiting, m.oldest,
		m.interims, m.interimsDropped, m.wordLag, m.refined, m.refineFailed, m.refineRejected,
	} {
		if err := reg.Register(c); err != nil {
			return nil, fmt.Errorf("register transcribe metrics: %w", err)
		}
	}
	return m, nil
}

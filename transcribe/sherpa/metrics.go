package sherpa

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	up     prometheus.Gauge
	starts prometheus.Counter
	memory prometheus.Gauge
	speech prometheus.Counter
	decode prometheus.Histogram
}

func newMetrics(reg prometheus.Registerer) (metrics, error) {
	m := metrics{
		up: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "parley_sherpa_up", Help: "1 while the speech engine can be asked.",
		}),
		starts: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "parley_sherpa_starts_total", Help: "Speech engine processes started; more than one means that it crashes.",
		}),
		memory: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "parley_sherpa_memory_bytes", Help: "Memory of the speech engine after its models were loaded.",
		}),
		speech: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "parley_sherpa_speech_seconds_total", Help: "Speech recognized.",
		}),
		decode: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "parley_sherpa_decode_seconds", Help: "Time to recognize one piece of speech.",
			Buckets: prometheus.ExponentialBuckets(0.25, 2, 8),
		}),
	}
	for _, c := range []prometheus.Collector{m.up, m.starts, m.memory, m.speech, m.decode} {
		if err := reg.Register(c); err != nil {
			return m, fmt.Errorf("register metrics: %w", err)
		}
	}
	return m, nil
}

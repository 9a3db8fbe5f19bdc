package signaling

import (
	"errors"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are this package's numbers; labels come from closed sets.
type metrics struct {
	rooms       prometheus.Gauge
	connections prometheus.Gauge
	joins       *prometheus.CounterVec // by outcome: a parley.Kind, "ok", "gone" when nobody waited, or "over"
	joinSeconds prometheus.Histogram
	partings    *prometheus.CounterVec // by the Close code of the connection
	refused     *prometheus.CounterVec // messages answered by an error, by kind
	faults      prometheus.Counter     // panics in the loops of rooms
}

func newMetrics(registry prometheus.Registerer) (*metrics, error) {
	name := func(text string) string { return "parley_signaling_" + text }
	m := &metrics{
		rooms: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: name("rooms"), Help: "Meetings that run.",
		}),
		connections: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: name("connections"), Help: "Open WebSockets.",
		}),
		joins: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: name("joins_total"), Help: "Join messages by outcome.",
		}, []string{"outcome"}),
		joinSeconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: name("join_seconds"), Help: "Time from a join message to its joined.",
			Buckets: prometheus.ExponentialBuckets(0.005, 2, 11), // 5 ms to 5 s
		}),
		partings: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: name("partings_total"), Help: "Ended connections by the code of their Close frame; 0 for lost.",
		}, []string{"code"}),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: name("refused_total"), Help: "Messages of browsers that were answered by an error, by kind.",
		}, []string{"kind"}),
		faults: prometheus.NewCounter(prometheus.CounterOpts{
			Name: name("faults_total"), Help: "Rooms that ended by a fault of the program; any is a bug.",
		}),
	}
	var errs []error
	for _, collector := range []prometheus.Collector{
		m.rooms, m.connections, m.joins, m.joinSeconds, m.partings, m.refused, m.faults,
	} {
		errs = append(errs, registry.Register(collector))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("register metrics: %w", err)
	}
	return m, nil
}

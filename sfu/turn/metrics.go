package turn

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

// refusal says why something was not relayed.
type refusal string

// The reasons.
const (
	refusedPeer        refusal = "peer"        // for or from somebody else than the media socket
	refusedCredentials refusal = "credentials" // wrong, or at their end
	refusedUser        refusal = "user"        // one person has too many allocations
	refusedTotal       refusal = "total"       // all have
	refusedStream      refusal = "stream"      // too many connections
)

// metrics are the counters of one server.
type metrics struct {
	allocations, streams prometheus.Gauge
	refusals             map[refusal]prometheus.Counter
}

func newMetrics(reg prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		allocations: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "parley_turn_allocations", Help: "Relayed addresses in use.",
		}),
		streams: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "parley_turn_streams", Help: "TCP and TLS connections.",
		}),
		refusals: map[refusal]prometheus.Counter{},
	}
	refusals := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "parley_turn_refused_total", Help: "What was not relayed, by reason.",
	}, []string{"reason"})
	for _, why := range []refusal{refusedPeer, refusedCredentials, refusedUser, refusedTotal, refusedStream} {
		m.refusals[why] = refusals.WithLabelValues(string(why))
	}
	for _, c := range []prometheus.Collector{m.allocations, m.streams, refusals} {
		if err := reg.Register(c); err != nil {
			return nil, fmt.Errorf("register metrics: %w", err)
		}
	}
	return m, nil
}

// refused counts one.
func (m *metrics) refused(why refusal) { m.refusals[why].Inc() }

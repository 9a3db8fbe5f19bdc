package sfu

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/parley/parley"
)

// drop says why a packet went no further.
type drop string

// The reasons for a drop.
const (
	dropMalformed drop = "malformed" // no RTP, or a payload descriptor cut short
	dropDuplicate drop = "duplicate" // seen before, or too late to tell: mostly probes over RTX
	dropCodec     drop = "codec"     // a payload type other than the track's first
	dropRefused   drop = "refused"   // its sender may not publish, or has left
	dropWrite     drop = "write"     // the subscriber's connection refused it
	dropForged    drop = "forged"    // not sealed with its sender's key
	dropFlood     drop = "flood"     // more packets in a second than any browser sends
	dropQueue     drop = "queue"     // the subscriber's TCP connection takes less than it is sent
)

// fresh reports whether a packet that went no further for this, or on for "", was surely never seen before: what
// else is dropped is so without a look at its number.
func (why drop) fresh() bool { return why == "" || why == dropRefused }

// metrics are the counters of one SFU.
type metrics struct {
	rooms, peers, publications prometheus.Gauge
	tcpConnections             prometheus.Gauge
	tcpRefused                 prometheus.Counter
	keyframeRequests, resent   prometheus.Counter
	faults                     prometheus.Counter
	drops                      map[drop]prometheus.Counter
	audio, video               prometheus.Counter
}

// newMetrics registers the counters; an error when they are registered already.
func newMetrics(reg prometheus.Registerer) (*metrics, error) {
	var failed error
	register := func(c prometheus.Collector) {
		if err := reg.Register(c); err != nil && failed == nil {
			failed = fmt.Errorf("register metrics: %w", err)
		}
	}
	gauge := func(name, help string) prometheus.Gauge {
		g := prometheus.NewGauge(prometheus.GaugeOpts{Name: "parley_sfu_" + name, Help: help})
		register(g)
		return g
	}
	counter := func(name, help string) prometheus.Counter {
		c := prometheus.NewCounter(prometheus.CounterOpts{Name: "parley_sfu_" + name, Help: help})
		register(c)
		return c
	}
	drops := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "parley_sfu_dropped_packets_total", Help: "Packets that went no further, by reason.",
	}, []string{"reason"})
	forwards := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "parley_sfu_forwarded_packets_total", Help: "Packets handed to seats, one for each seat.",
	}, []string{"kind"})
	register(drops)
	register(forwards)
	m := &metrics{
		rooms:            gauge("rooms", "Meetings with a room open."),
		peers:            gauge("peers", "Peer connections."),
		publications:     gauge("publications", "Tracks being received."),
		tcpConnections:   gauge("tcp_connections", "TCP connections of browsers that may not use UDP."),
		tcpRefused:       counter("tcp_refused_total", "TCP connections refused: there were too many."),
		keyframeRequests: counter("keyframe_requests_total", "Keyframes asked of publishers."),
		faults:           counter("faults_total", "Connections that ended by a fault of the server."),
		resent:           counter("resent_packets_total", "Packets sent again on a NACK."),
		drops:            map[drop]prometheus.Counter{},
		audio:            forwards.WithLabelValues(string(parley.Audio)),
		video:            forwards.WithLabelValues(string(parley.Video)),
	}
	for _, why := range []drop{dropMalformed, dropDuplicate, dropCodec, dropRefused, dropWrite, dropForged, dropFlood, dropQueue} {
		m.drops[why] = drops.WithLabelValues(string(why))
	}
	return m, failed
}

// dropped counts one packet.
func (m *metrics) dropped(why drop) { m.drops[why].Inc() }

// forwarded counts packets that were handed to seats.
func (m *metrics) forwarded(audio, video int) {
	if audio > 0 {
		m.audio.Add(float64(audio))
	}
	if video > 0 {
		m.video.Add(float64(video))
	}
}

package recorder

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	packets, overflow, lost, frames, segments, bytes prometheus.Counter
	diskErrors, uploadErrors                         prometheus.Counter
	tracks, waiting                                  prometheus.Gauge
}

func newMetrics(reg prometheus.Registerer) (*metrics, error) {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Namespace: "parley", Subsystem: "recorder", Name: name, Help: help})
	}
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Namespace: "parley", Subsystem: "recorder", Name: name, Help: help})
	}
	m := &metrics{
		packets:      counter("packets_total", "Packets taken from taps."),
		overflow:     counter("overflow_packets_total", "Packets dropped because the disk did not keep up."),
		lost:         counter("lost_packets_total", "Packets that never arrived."),
		frames:       counter("frames_total", "Frames written to the spool."),
		segments:     counter("segments_total", "Segments stored in a region."),
		bytes:        counter("segment_bytes_total", "Bytes of segments stored in a region."),
		diskErrors:   counter("spool_errors_total", "Writes to the spool that failed."),
		uploadErrors: counter("upload_errors_total", "Attempts to store something in a region that failed."),
		tracks:       gauge("tracks", "Tracks being recorded."),
		waiting:      gauge("waiting", "Segments and notes that wait for their region."),
	}
	for _, c := range []prometheus.Collector{
		m.packets, m.overflow, m.lost, m.frames, m.segments, m.bytes, m.diskErrors, m.uploadErrors, m.tracks, m.waiting,
	} {
		if err := reg.Register(c); err != nil {
			return nil, fmt.Errorf("register recorder metrics: %w", err)
		}
	}
	return m, nil
}

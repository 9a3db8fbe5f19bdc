package sfu

import (
	"time"

	"github.com/pion/rtcp"
)

// reception is what is told to a publisher about one of its streams: reports of what came (RFC 3550
// §6.4.1), and what did not (RFC 4585 §6.2.1). It is guarded by the layer's reading.
type reception struct {
	clockRate uint32
	first     int64 // 64-bit number of the first packet, 0 before
	newest    int64
	received  int64
	jitter    float64 // in ticks
	transit   int64   // of the packet before, in ticks

	toldExpected, toldReceived int64 // at the last report

	missing [mostMissing]missing
}

// missing is a packet that has not come.
type missing struct {
	number int64 // 0 for none
	times  int   // how often it was asked for
	asked  time.Time
}

const (
	// mostMissing is how many packets are asked for at a time; more missing at once is a way that failed,
	// after which a keyframe is cheaper.
	mostMissing = 64
	// nackInterval is how far apart requests for one packet are; maxNACKs is how many there are.
	nackInterval = 100 * time.Millisecond
)

// take notes a packet that came for the first time; it reports whether others are missing since then.
func (r *reception) take(number int64, timestamp uint32, arrived time.Time, resent bool) (gap bool) {
	r.received++
	if r.first == 0 {
		r.first, r.newest = number, number
		return false
	}
	if !resent {
		r.measure(timestamp, arrived)
	}
	if number <= r.newest {
		r.found(number)
		return false
	}
	for lost := max(r.newest+1, number-mostMissing); lost < number; lost++ {
		r.missing[lost%mostMissing] = missing{number: lost}
		gap = true
	}
	r.newest = number
	return gap
}

// found strikes a packet off.
func (r *reception) found(number int64) {
	if m := &r.missing[number%mostMissing]; m.number == number {
		m.number = 0
	}
}

// measure follows the jitter (RFC 3550 §6.4.1).
func (r *reception) measure(timestamp uint32, arrived time.Time) {
	transit := arrived.UnixMicro()*int64(r.clockRate)/1e6 - int64(timestamp)
	if r.transit != 0 {
		d := int32(transit - r.transit)
		r.jitter += (float64(max(d, -d)) - r.jitter) / 16
	}
	r.transit = transit
}

// lost are the sequence numbers to ask for now.
func (r *reception) lost(now time.Time, to []uint16) []uint16 {
	for i := range r.missing {
		m := &r.missing[i]
		switch {
		case m.number == 0 || now.Sub(m.asked) < nackInterval:
		case m.times == maxNACKs:
			m.number = 0
		default:
			m.times++
			m.asked = now
			to = append(to, uint16(m.number))
		}
	}
	return to
}

// report is the reception report since the last one.
func (r *reception) report(ssrc uint32, sr *senderReport, now time.Time) rtcp.ReceptionReport {
	expected := r.newest - r.first + 1
	interval, came := expected-r.toldExpected, r.received-r.toldReceived
	r.toldExpected, r.toldReceived = expected, r.received
	report := rtcp.ReceptionReport{
		SSRC:               ssrc,
		LastSequenceNumber: uint32(r.newest - 1<<16), // numbers begin in the second turn
		TotalLost:          uint32(min(max(0, expected-r.received), 1<<23-1)),
		Jitter:             uint32(r.jitter),
	}
	if lost := interval - came; interval > 0 && lost > 0 {
		report.FractionLost = uint8(min(255, lost*256/interval))
	}
	if sr != nil {
		report.LastSenderReport = uint32(sr.ntp >> 16)
		report.Delay = uint32(now.Sub(sr.came).Seconds() * 65536)
	}
	return report
}

// feedbackSSRC is ours in RTCP about what comes in: it has no media.
const feedbackSSRC = 1

// tellPublisher sends transport-cc feedback and NACKs.
func (p *Peer) tellPublisher(now time.Time) {
	packets := p.sender.arrivals.feedback()
	var numbers []uint16
	for _, l := range p.allLayers() {
		if l.ring == nil {
			continue
		}
		l.reading.Lock()
		numbers = l.reception.lost(now, numbers[:0])
		l.reading.Unlock()
		if len(numbers) > 0 {
			packets = append(packets, &rtcp.TransportLayerNack{
				SenderSSRC: feedbackSSRC, MediaSSRC: l.ssrc, Nacks: rtcp.NackPairsFromSequenceNumbers(numbers),
			})
		}
	}
	p.tell(packets...)
}

// reportReception sends a receiver report about everything that comes in.
func (p *Peer) reportReception(now time.Time) {
	const most = 31 // reports in one packet
	var reports []rtcp.ReceptionReport
	for _, l := range p.allLayers() {
		l.reading.Lock()
		if l.reception.received != l.reception.toldReceived && len(reports) < most {
			reports = append(reports, l.reception.report(l.ssrc, l.report.Load(), now))
		}
		l.reading.Unlock()
	}
	if len(reports) > 0 {
		p.tell(&rtcp.ReceiverReport{SSRC: feedbackSSRC, Reports: reports})
	}
}

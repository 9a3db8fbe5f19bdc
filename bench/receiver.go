package bench

import (
	"encoding/binary"
	"sync"
	"time"

	"github.com/pion/interceptor/pkg/twcc"
	"github.com/pion/rtcp"
	"github.com/pion/sdp/v3"
	"github.com/pion/webrtc/v4"
)

const (
	// feedbackInterval is how often transport-wide feedback goes out, as browsers do.
	feedbackInterval = 100 * time.Millisecond
	// reportRounds: receiver reports, and REMB, go out with every tenth feedback.
	reportRounds = 10
	// receiverSSRC is who reports. It sends nothing else.
	receiverSSRC = 0xBE7C4
	// enough is the bandwidth that receivers claim to have, in bits a second.
	enough = 50e6
)

// receiver is the receiving half of one connection of one participant: it counts what arrives and says
// so to the server. It asks for nothing again: loss is counted as it is.
type receiver struct {
	participant int
	collector   *collector
	pc          *webrtc.PeerConnection // set before the first packet
	socket      *socket                // likewise

	mu      sync.Mutex // guards everything below
	opener  *opener    // nil until the handshake is done
	first   int64      // when the first packet arrived, Unix nanoseconds; 0 before
	asked   bool       // the three below are known
	twccID  uint8      // of the transport-cc extension, 0 for none
	remb    bool
	counted *twcc.Recorder
	rounds  int
	reports map[uint32]reported
}

// reported is what the last receiver report said of an SSRC.
type reported struct{ expected, received uint32 }

func newReceiver(participant int, c *collector) *receiver {
	return &receiver{
		participant: participant, collector: c,
		counted: twcc.NewRecorder(receiverSSRC), reports: map[uint32]reported{},
	}
}

// arm gives the receiver its keys.
func (r *receiver) arm(o *opener) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.opener = o
}

// locked reports whether packets arrive that cannot be opened: the handshake was of a kind that the
// generator does not understand.
func (r *receiver) locked() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.first != 0 && r.opener == nil
}

// firstPacket is when media began to arrive; the zero time when it has not.
func (r *receiver) firstPacket() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.first == 0 {
		return time.Time{}
	}
	return time.Unix(0, r.first)
}

// take counts one packet. arrived is when the kernel got it, Unix nanoseconds. Called by the sweeper.
func (r *receiver) take(packet []byte, arrived int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.first == 0 {
		r.first = arrived
	}
	if r.opener == nil {
		return // media before the keys: a browser would lose it too
	}
	in, plain, ok := r.opener.open(packet)
	if !ok {
		r.collector.skip()
		return
	}
	if r.twccID != 0 {
		if seq, ok := transportSequence(packet, r.twccID); ok {
			r.counted.Record(in.ssrc, seq, arrived/1000)
		}
	}
	s, hint, ok := findStamp(plain, in.hint)
	if !ok {
		r.collector.skip()
		return
	}
	in.hint = hint
	if key := (flowKey{r.participant, s.publisher, s.kind}); in.flow == nil || in.of != key {
		in.flow, in.of = r.collector.flow(r.participant, s), key
	}
	r.collector.add(in.flow, s, len(packet), arrived, time.Now().UnixNano())
}

// transportSequence finds a value of two bytes among the one-byte header extensions (RFC 8285 §4.2).
func transportSequence(packet []byte, id uint8) (uint16, bool) {
	at := 12 + 4*int(packet[0]&0x0F)
	if packet[0]&0x10 == 0 || len(packet) < at+4 || binary.BigEndian.Uint16(packet[at:]) != 0xBEDE {
		return 0, false
	}
	end := min(len(packet), at+4+4*int(binary.BigEndian.Uint16(packet[at+2:])))
	for at += 4; at < end; {
		if packet[at] == 0 { // padding
			at++
			continue
		}
		size := int(packet[at]&0x0F) + 1
		if packet[at]>>4 == id && size == 2 && at+3 <= end {
			return binary.BigEndian.Uint16(packet[at+1:]), true
		}
		at += 1 + size
	}
	return 0, false
}

// feedback sends what a receiver owes its server; to be called every feedbackInterval.
func (r *receiver) feedback() {
	if r.pc.ConnectionState() != webrtc.PeerConnectionStateConnected {
		return
	}
	if packets := r.report(); len(packets) > 0 {
		_ = r.pc.WriteRTCP(packets) // the next one follows
	}
}

func (r *receiver) report() []rtcp.Packet {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.opener == nil {
		return nil
	}
	if !r.asked {
		r.negotiated()
	}
	r.rounds++
	var packets []rtcp.Packet
	if r.twccID != 0 {
		packets = r.counted.BuildFeedbackPacket()
	}
	if r.rounds%reportRounds != 0 {
		return packets
	}
	report := &rtcp.ReceiverReport{SSRC: receiverSSRC}
	estimate := &rtcp.ReceiverEstimatedMaximumBitrate{SenderSSRC: receiverSSRC, Bitrate: enough}
	for ssrc, in := range r.opener.streams {
		if in.flow == nil || len(report.Reports) == 31 { // the header counts to 31
			continue
		}
		report.Reports = append(report.Reports, r.reportOf(in))
		estimate.SSRCs = append(estimate.SSRCs, ssrc)
	}
	if len(report.Reports) > 0 {
		packets = append(packets, report)
		if r.remb {
			packets = append(packets, estimate)
		}
	}
	return packets
}

// reportOf describes one stream (RFC 3550 §6.4.1); mu is held.
func (r *receiver) reportOf(in *inbound) rtcp.ReceptionReport {
	now := reported{in.extended() - in.first + 1, in.received}
	before := r.reports[in.ssrc]
	r.reports[in.ssrc] = now
	report := rtcp.ReceptionReport{SSRC: in.ssrc, LastSequenceNumber: in.extended()}
	if now.expected > now.received {
		report.TotalLost = min(now.expected-now.received, 1<<23-1)
	}
	expected, received := now.expected-before.expected, now.received-before.received
	if expected > received {
		report.FractionLost = uint8(min(255, (expected-received)*256/expected))
	}
	return report
}

// negotiated finds out which feedback the two sides agreed on; mu is held.
func (r *receiver) negotiated() {
	r.asked = true
	for _, line := range r.pc.GetTransceivers() {
		if line.Receiver() == nil || line.Direction() != webrtc.RTPTransceiverDirectionRecvonly {
			continue
		}
		parameters := line.Receiver().GetParameters()
		for _, extension := range parameters.HeaderExtensions {
			if extension.URI == sdp.TransportCCURI {
				r.twccID = uint8(extension.ID)
			}
		}
		for _, codec := range parameters.Codecs {
			for _, f := range codec.RTCPFeedback {
				r.remb = r.remb || f.Type == webrtc.TypeRTCPFBGoogREMB
			}
		}
	}
}

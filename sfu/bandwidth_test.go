package sfu

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/pion/rtcp"
)

// way is a simulated way to a browser: so many bit/s behind a queue, with feedback every 50 ms.
type way struct {
	rate  float64 // bit/s
	busy  int64   // when the last packet has left the queue, microseconds
	burst int64   // what passes at once after a pause, microseconds of rate
	most  int64   // how long the queue gets before packets are lost, microseconds; 0 for no limit
	lose  func(number uint16) bool
	stall func(clock int64) int64 // how long the receiver reads nothing from then on, or nil
	log   sentLog
	owed  []ack // arrived, not told yet
	clock int64
	told  int64 // clock at the last feedback
	b     bandwidth
}

// send sends rate bit/s in packets of 1,200 bytes for so long.
func (w *way) send(rate float64, length time.Duration) {
	const size = 1200
	step := int64(8 * size / rate * 1e6)
	for end := w.clock + length.Microseconds(); w.clock < end; w.clock += step {
		w.packet(size)
		w.tell()
	}
}

// packet sends one packet of so many bytes.
func (w *way) packet(size int) {
	number := w.log.next(size, w.clock)
	if w.lose != nil && w.lose(number) || w.most > 0 && w.busy-w.clock > w.most {
		w.owed = append(w.owed, ack{number: number, arrived: -1})
		return
	}
	w.busy = max(w.busy, w.clock-w.burst) + int64(8*float64(size)/w.rate*1e6)
	read := max(w.clock, w.busy) + 20_000
	if w.stall != nil {
		read += w.stall(read)
	}
	w.owed = append(w.owed, ack{number: number, arrived: read})
}

// tell gives the feedback for what has arrived by now, every 50 ms.
func (w *way) tell() {
	if w.clock-w.told <= 50_000 {
		return
	}
	w.told = w.clock
	n := 0
	for n < len(w.owed) && w.owed[n].arrived <= w.clock {
		n++
	}
	if n == 0 {
		return
	}
	w.b.feedback(&w.log, reportOf(w.owed[:n]), time.UnixMicro(w.clock))
	w.owed = append([]ack(nil), w.owed[n:]...)
}

// reportOf is the RTCP packet that says so, as another implementation writes it.
func reportOf(acks []ack) []byte {
	p := &rtcp.TransportLayerCC{BaseSequenceNumber: acks[0].number, PacketStatusCount: uint16(len(acks))}
	var last int64
	for _, a := range acks {
		if a.arrived >= 0 && last == 0 {
			p.ReferenceTime = uint32(a.arrived / referenceUnit)
			last = int64(p.ReferenceTime) * referenceUnit
		}
		symbol := uint16(rtcp.TypeTCCPacketNotReceived)
		if a.arrived >= 0 {
			d := (a.arrived - last) / deltaUnit * deltaUnit
			last += d
			if symbol = rtcp.TypeTCCPacketReceivedSmallDelta; d < 0 || d > 255*deltaUnit {
				symbol = rtcp.TypeTCCPacketReceivedLargeDelta
			}
			p.RecvDeltas = append(p.RecvDeltas, &rtcp.RecvDelta{Type: symbol, Delta: d})
		}
		p.PacketChunks = append(p.PacketChunks, &rtcp.RunLengthChunk{PacketStatusSymbol: symbol, RunLength: 1})
	}
	size := p.MarshalSize()
	p.Header = rtcp.Header{Count: rtcp.FormatTCC, Type: rtcp.TypeTransportSpecificFeedback, Length: uint16(size/4 - 1)}
	b, err := p.Marshal()
	if err != nil {
		panic(err) // a report that cannot be is the test's own fault
	}
	return b
}

func TestAWayThatTakesEverythingHasNoLimit(t *testing.T) {
	t.Parallel()
	w := &way{rate: 50e6}
	w.send(2e6, 10*time.Second)
	if budget, limited := w.b.budget(time.UnixMicro(w.clock)); limited {
		t.Errorf("limited to %.0f bit/s", budget)
	}
}

func TestAQueueIsNoticed(t *testing.T) {
	t.Parallel()
	w := &way{rate: 1e6}
	var budget float64
	for limited := false; !limited; budget, limited = w.b.budget(time.UnixMicro(w.clock)) {
		w.send(2e6, 50*time.Millisecond)
		if queue := w.busy - w.clock; queue > 600_000 {
			t.Fatalf("a queue of %d ms and no limit", queue/1000)
		}
	}
	if budget > 1.05e6 || budget < 0.6e6 {
		t.Errorf("at twice what the way takes the estimate is %.0f bit/s", budget)
	}
}

// TestAKeyframeShowsWhatTheWayTakes, though little came before it and after.
func TestAKeyframeShowsWhatTheWayTakes(t *testing.T) {
	t.Parallel()
	var w rateWindow
	add := func(arrived int64, length time.Duration, rate int64) int64 {
		for end := arrived + length.Microseconds(); arrived < end; arrived += 8 * 1000 * 1e6 / rate {
			w.add(arrived, 1000)
		}
		return arrived
	}
	clock := add(1e9, time.Second, 100_000)
	clock = add(clock, 300*time.Millisecond, 1_000_000)
	add(clock, 100*time.Millisecond, 100_000)
	if rate, _ := w.rate(); rate > 800e3 {
		t.Errorf("half a second has %.0f bit/s", rate)
	}
	if peak := w.peak(); peak < 950e3 || peak > 1050e3 {
		t.Errorf("where 1 Mbit/s came for a while the peak is %.0f bit/s", peak)
	}
}

func TestTheEstimateFollowsTheWayUp(t *testing.T) {
	t.Parallel()
	w := &way{rate: 1e6}
	w.send(2e6, 2*time.Second)
	w.rate, w.busy = 20e6, w.clock
	for range 60 {
		budget, _ := w.b.budget(time.UnixMicro(w.clock))
		w.send(min(budget, 4e6), time.Second)
	}
	if budget, _ := w.b.budget(time.UnixMicro(w.clock)); budget < 3e6 {
		t.Errorf("after a minute on a way of 20 Mbit/s: %.0f bit/s", budget)
	}
}

func TestLossesOfTheWaysOwnCostNothingMuchLossDoes(t *testing.T) {
	t.Parallel()
	radio := &way{rate: 50e6, lose: func(n uint16) bool { return n%25 == 0 }} // 4 %
	radio.send(2e6, 10*time.Second)
	if budget, limited := radio.b.budget(time.UnixMicro(radio.clock)); limited {
		t.Errorf("4 %% of loss limit to %.0f bit/s", budget)
	}
	lossy := &way{rate: 50e6, lose: func(n uint16) bool { return n%7 == 0 }} // 14 %
	lossy.send(2e6, 30*time.Second)
	if budget, _ := lossy.b.budget(time.UnixMicro(lossy.clock)); budget < 1.5e6 {
		t.Errorf("14 %% of loss, whatever is sent, reduce to %.0f bit/s", budget)
	}
	policed := &way{rate: 50e6, lose: func(n uint16) bool { return n%3 == 0 }}
	policed.send(2e6, 3*time.Second)
	if _, limited := policed.b.budget(time.UnixMicro(policed.clock)); !limited {
		t.Error("a third of the packets is lost and nothing follows")
	}
}

// TestABusyReceiverIsNoFullWay: who has not read for a while reads all at once what has come meanwhile.
func TestABusyReceiverIsNoFullWay(t *testing.T) {
	t.Parallel()
	for _, busy := range []struct{ stands, runs int64 }{ // at most, milliseconds
		{30, 100}, {80, 100}, {150, 60}, {250, 200}, {400, 400},
	} {
		for seed := range uint64(5) {
			random := rand.New(rand.NewPCG(seed, 1))
			var from, to int64 // it reads nothing from from to to
			w := &way{rate: 50e6, stall: func(clock int64) int64 {
				for clock >= to {
					from = to + 1000*(1+random.Int64N(busy.runs))
					to = from + 1000*(1+random.Int64N(busy.stands))
				}
				if clock < from {
					return 0
				}
				return to - clock
			}}
			w.send(1.5e6, 60*time.Second)
			if budget, limited := w.b.budget(time.UnixMicro(w.clock)); limited && budget < 1.5e6 {
				t.Errorf("standing still for up to %d ms at a time limits it to %.0f bit/s", busy.stands, budget)
			}
		}
	}
}

func TestAProbeRaisesTheEstimate(t *testing.T) {
	t.Parallel()
	w := &way{rate: 1e6}
	w.send(2e6, 2*time.Second)
	w.send(0.3e6, 3*time.Second)
	before, _ := w.b.budget(time.UnixMicro(w.clock))
	w.rate = 20e6
	from := w.log.newest() + 1
	w.b.probe.start(from, from+30, 3e6, time.UnixMicro(w.clock))
	w.send(3e6, 120*time.Millisecond)
	w.send(0.3e6, 2*time.Second)
	after, _ := w.b.budget(time.UnixMicro(w.clock))
	if after < 2*before || after > 3e6 {
		t.Errorf("the estimate was %.0f and is %.0f bit/s after a probe at 3 Mbit/s", before, after)
	}
}

// TestProbesThatFillTheWayGrowRare: where a picture is paused each of them makes the voices late.
func TestProbesThatFillTheWayGrowRare(t *testing.T) {
	t.Parallel()
	w := &way{rate: 1e6}
	w.send(0.9e6, 2*time.Second)
	probes := 0
	for end := w.clock + 60_000_000; w.clock < end; {
		if w.b.probe.due(time.UnixMicro(w.clock)) {
			probes++
			from := w.log.newest() + 1
			w.b.probe.start(from, from+50, 2e6, time.UnixMicro(w.clock))
			w.send(2e6, 240*time.Millisecond)
		}
		w.send(0.7e6, 100*time.Millisecond)
	}
	if probes > 12 {
		t.Errorf("%d probes in a minute", probes)
	}
}

func TestAQueueThatStandsIsKnown(t *testing.T) {
	t.Parallel()
	w := &way{rate: 1e6}
	w.send(0.5e6, 3*time.Second)
	if w.b.wait.long() {
		t.Error("a way that is half full has a queue")
	}
	w.send(2e6, time.Second)
	for w.busy-w.clock > 200_000 {
		if w.send(0.3e6, 50*time.Millisecond); w.busy-w.clock < 700_000 && !w.b.wait.long() {
			t.Fatalf("a queue of %d ms is not noticed", (w.busy-w.clock)/1000)
		}
	}
	w.send(0.3e6, time.Second)
	if w.b.wait.long() {
		t.Error("a queue that is gone still stands")
	}
	// Where packets take longer for good, the way is another.
	w.stall = func(int64) int64 { return 150_000 }
	w.send(0.3e6, 5*time.Second)
	if !w.b.wait.long() {
		t.Error("150 ms more are not noticed")
	}
	w.send(0.3e6, waitPeriods*waitPeriod*time.Microsecond)
	if w.b.wait.long() {
		t.Error("another way is taken for a queue for ever")
	}
}

func TestWhatABrowserAsksNotToExceedIsKept(t *testing.T) {
	t.Parallel()
	var b bandwidth
	now := time.Unix(1e9, 0)
	if budget, limited := b.budget(now); limited || !math.IsInf(budget, 1) {
		t.Error("limited from the start")
	}
	b.limit(500_000, now)
	if budget, limited := b.budget(now.Add(time.Second)); !limited || budget != 500_000 {
		t.Error(budget, limited)
	}
	if _, limited := b.budget(now.Add(time.Minute)); limited {
		t.Error("limited by what was asked a minute ago")
	}
}

// TestWhatABrowserAsksNotToExceedYieldsToItsFeedback: a browser that is not told the numbers of packets asks for a
// rate by what arrives. Once it gives feedback for each packet that request is old news, and where video was paused
// for it, it would never rise.
func TestWhatABrowserAsksNotToExceedYieldsToItsFeedback(t *testing.T) {
	t.Parallel()
	w := way{rate: 100e6}
	for range 100 {
		w.b.limit(30_000, time.UnixMicro(w.clock))
		w.send(0.3e6, 100*time.Millisecond)
		if budget, limited := w.b.budget(time.UnixMicro(w.clock)); limited {
			t.Fatalf("limited to %.0f after %d ms", budget, w.clock/1000)
		}
	}
	if asked := w.b.asked(time.UnixMicro(w.clock)); asked != 30_000 {
		t.Errorf("%.0f bit/s are asked for", asked)
	}
}

package transcribe

import (
	"context"
	"time"

	"github.com/pion/rtp"

	"github.com/parley/parley"
	"github.com/parley/parley/media"
	"github.com/parley/parley/media/container"
	"github.com/parley/parley/media/pcm"
)

const (
	// reorderWindow and reorderWait are what a late packet may take. Words come seconds later anyway.
	reorderWindow = 256
	reorderWait   = 300 * time.Millisecond
	// slack is by how much time may run on before the timeline follows it.
	slack = 60 * time.Millisecond
	// concealed is the longest stretch that is made up; what is longer is silence.
	concealed = 120 * time.Millisecond
	// apart is the pause after which a timeline starts anew.
	apart = time.Second
	// batch is how many windows a detector is asked about at once: a sixth of a second, which is what
	// it adds to the delay of captions.
	batch = 5
	// nothingSent is the longest packet, in bytes, that says that nothing is: its frame has one byte or none
	// (RFC 6716 §3.1: discontinuous transmission).
	nothingSent = 2
	// opusFrame is what missing stretches are written as.
	opusFrame = 20 * time.Millisecond
)

// piece is one utterance, cut out of a track.
type piece struct {
	id         parley.UtteranceID // "" unless its words are shown already
	start, end time.Duration      // meeting clock
	packets    [][]byte           // of Opus, gapless
}

// heldPacket is a packet that may be part of an utterance.
type heldPacket struct {
	at, end int // on the timeline
	opus    []byte
}

// timeline turns the packets of one track, in order, into utterances. Between two pauses of apart it
// is a continuous stretch of samples; base is when its first one was captured.
type timeline struct {
	clock   *media.Clock
	decoder *pcm.Decoder
	ear     ear
	cut     cutter
	found   func(piece)

	base    time.Duration
	begun   bool
	samples int        // decoded so far
	speech  pcm.Speech // decoded, not decided about yet
	held    []heldPacket
	scratch pcm.Speech
	last    []byte // the last packet, for the mode of silence

	// While words are shown as they come; nil and empty else.
	grows   func(start time.Duration) *growing // names an utterance under way
	offer   func(snapshot)
	over    func(*growing) // nothing follows of it
	step    time.Duration  // of sound between two offers
	growing *growing       // the one under way, or nil before it is offered
	heard   pcm.Speech     // decided about, from the sample heardAt on
	heardAt int
	offered int // sample up to which it was offered
}

func newTimeline(clock *media.Clock, voices Voices, found func(piece)) (*timeline, error) {
	decoder, err := pcm.NewDecoder()
	if err != nil {
		return nil, err
	}
	return &timeline{clock: clock, decoder: decoder, ear: ear{voices: voices, live: true, silent: silentFor}, found: found}, nil
}

// push takes the next packet, with how many are missing before it.
func (t *timeline) push(ctx context.Context, p *rtp.Packet, arrived time.Time, lost int) {
	t.take(ctx, p.Payload, t.clock.At(p.Timestamp, arrived), lost > 0)
}

// take takes the next packet, captured at a time of the meeting clock. What is no Opus is passed over.
func (t *timeline) take(ctx context.Context, opus []byte, at time.Duration, lost bool) {
	duration := container.OpusDuration(opus)
	if duration == 0 || len(opus) <= nothingSent && !t.cut.speaking {
		return
	}
	t.follow(ctx, opus, at, lost)
	decoded, err := t.decoder.Decode(opus, t.scratch[:0])
	t.scratch = decoded[:0]
	if err != nil {
		decoded = make(pcm.Speech, pcm.Samples(duration))
	}
	t.append(opus, decoded)
	t.last = opus
	t.decide(ctx, false)
}

// follow fills what lies between the last packet and the next one, or starts anew after a long pause.
func (t *timeline) follow(ctx context.Context, next []byte, at time.Duration, lost bool) {
	if !t.begun {
		t.begun, t.base = true, at
		return
	}
	gap := at - t.at(t.samples)
	if gap > slack || gap < -slack {
		t.decide(ctx, true) // is anybody speaking?
	}
	switch {
	case !t.cut.speaking && (gap > slack || gap < -slack), gap > apart:
		t.flush(ctx)
		t.base = at - pcmDuration(t.samples)
		t.cut.free = t.samples // what was before is not next to what follows
		t.held = t.held[:0]
	case gap > slack:
		t.fill(ctx, next, gap, lost)
	}
}

// fill bridges a gap within speech: a lost packet is made up, silence is silent.
func (t *timeline) fill(ctx context.Context, next []byte, gap time.Duration, lost bool) {
	frames := int((gap + opusFrame/2) / opusFrame)
	each := pcm.Samples(opusFrame)
	decoded := make(pcm.Speech, frames*each)
	if lost && gap <= concealed {
		if made, err := t.decoder.Conceal(time.Duration(frames)*opusFrame, next, t.scratch[:0]); err == nil {
			copy(decoded, made)
		}
	}
	for i := range frames {
		t.append(container.OpusSilence(t.last), decoded[i*each:(i+1)*each])
	}
	t.decide(ctx, false)
}

func (t *timeline) append(opus []byte, decoded pcm.Speech) {
	t.held = append(t.held, heldPacket{t.samples, t.samples + len(decoded), opus})
	t.samples += len(decoded)
	t.speech = append(t.speech, decoded...)
}

// decide asks about whole windows, once there are enough of them.
func (t *timeline) decide(ctx context.Context, all bool) {
	windows := len(t.speech) / Window
	if windows == 0 || windows < batch && !all {
		return
	}
	voiced, levels := t.ear.hear(ctx, t.speech[:windows*Window])
	t.remember(t.speech[:windows*Window])
	for i := range voiced {
		if s, ok := t.cut.push(voiced[i], levels[i]); ok {
			t.emit(s)
			t.outgrown()
		}
	}
	t.grow()
	t.speech = append(t.speech[:0], t.speech[windows*Window:]...)
	t.forget()
}

// flush ends the utterance that is under way.
func (t *timeline) flush(ctx context.Context) {
	if pad := len(t.speech) % Window; pad != 0 { // the last window is as whole as the others
		t.append(container.OpusSilence(t.last), make(pcm.Speech, Window-pad))
	}
	t.decide(ctx, true)
	if s, ok := t.cut.flush(); ok {
		t.emit(s)
	}
	t.outgrown()
	t.forget()
}

// close ends the timeline.
func (t *timeline) close(ctx context.Context) {
	t.flush(ctx)
	t.ear.close()
}

// emit passes on an utterance: the packets that lie in it.
func (t *timeline) emit(s span) {
	p := piece{}
	if t.growing != nil {
		p.id = t.growing.first.ID
	}
	first, last := 0, 0
	for _, h := range t.held {
		if h.end <= s.start || h.at >= s.end {
			continue
		}
		if len(p.packets) == 0 {
			first = h.at
		}
		last = h.end
		p.packets = append(p.packets, h.opus)
	}
	if len(p.packets) == 0 {
		return
	}
	p.start, p.end = max(0, t.at(first)), max(0, t.at(last))
	t.found(p)
}

// forget drops packets that no utterance can have any more.
func (t *timeline) forget() {
	oldest := t.cut.oldest()
	k := 0
	for k < len(t.held) && t.held[k].end <= oldest {
		k++
	}
	t.held = append(t.held[:0], t.held[k:]...)
	if drop := min(oldest-t.heardAt, len(t.heard)); drop > 0 {
		t.heard = append(t.heard[:0], t.heard[drop:]...)
		t.heardAt += drop
	}
}

// at is when a sample was captured.
func (t *timeline) at(sample int) time.Duration { return t.base + pcmDuration(sample) }

func pcmDuration(samples int) time.Duration {
	return time.Duration(samples) * time.Second / pcm.Rate
}

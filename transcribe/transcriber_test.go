package transcribe

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"
	"go.uber.org/zap"

	"github.com/parley/parley"
	"github.com/parley/parley/bus"
	"github.com/parley/parley/media"
	"github.com/parley/parley/media/container"
	"github.com/parley/parley/media/pcm"
	"github.com/parley/parley/recorder/catalog"
	"github.com/parley/parley/recorder/objects"
	"github.com/parley/parley/transcribe/minutes"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var began = time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// house is one region with a transcriber over real stores and a real bus.
type house struct {
	*Transcriber

	t       *testing.T
	keep    *parley.Keep
	bus     *bus.Bus
	meeting parley.Meeting
}

func open(t *testing.T, r Recognizer) *house {
	t.Helper()
	dir := t.TempDir()
	store, err := objects.OpenDir(filepath.Join(dir, "objects"))
	must(t, err)
	t.Cleanup(func() { _ = store.Close() })
	rows, err := catalog.Open(t.Context(), filepath.Join(dir, "catalog.db"))
	must(t, err)
	t.Cleanup(func() { _ = rows.Close() })
	b, err := bus.Open(bus.Config{Directory: filepath.Join(dir, "bus")}, zap.NewNop())
	must(t, err)
	t.Cleanup(func() { _ = b.Close() })
	h := &house{t: t, bus: b, keep: &parley.Keep{
		Region: "hk", Objects: store, Meetings: rows, Participants: rows, Chats: rows,
		Recordings: rows, Transcripts: rows, Actions: rows,
	}}
	m := parley.Meeting{ID: "abc-defg-hij", Region: "hk", Zone: "UTC", Record: true, State: parley.Scheduled, Created: began}
	must(t, rows.CreateMeeting(t.Context(), m))
	h.meeting, err = rows.BeginMeeting(t.Context(), m.ID, began)
	must(t, err)
	must(t, rows.PutParticipant(t.Context(), parley.Participant{
		ID: "p1", Meeting: m.ID, Number: 1, Name: "Nora Lind", Role: parley.RoleHost, Consent: parley.Granted, Joined: began,
	}))
	extractor, err := minutes.New()
	must(t, err)
	h.Transcriber, err = New(DefaultConfig(), Parts{
		Regions: parley.Regions{"hk": h.keep}, Jobs: b, Events: b, Extractor: extractor, Recognizer: r,
		Wordless: "There is no engine.", Log: zap.NewNop(), Registry: prometheus.NewRegistry(),
	})
	must(t, err)
	return h
}

// run runs the transcriber until the test ends.
func (h *house) run() {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- h.Run(ctx) }()
	h.t.Cleanup(func() {
		cancel()
		must(h.t, <-done)
	})
}

func micTrack() parley.Track {
	return parley.Track{
		ID: "track-1", Meeting: "abc-defg-hij", Participant: "p1", Source: parley.Microphone,
		Codec: "audio/opus", ClockRate: 48000, Channels: 2,
	}
}

func (h *house) tap() *Track {
	h.t.Helper()
	for deadline := time.Now().Add(5 * time.Second); ; {
		tap, err := h.Track(h.meeting, micTrack(), began)
		if err == nil {
			return tap
		}
		if !errors.Is(err, parley.Unavailable) || time.Now().After(deadline) {
			h.t.Fatal(err)
		}
	}
}

// talk is sound: stretches of voice (a loud tone that comes and goes, as syllables do) and silence in
// turn, as Opus packets.
func talk(t *testing.T, stretches ...time.Duration) [][]byte {
	t.Helper()
	encoder, err := pcm.NewEncoder(32_000)
	if err != nil {
		t.Skip("no Opus encoder in this build:", err)
	}
	var packets [][]byte
	for i, d := range stretches {
		for n := range d / (20 * time.Millisecond) {
			frame := make([]float32, 960)
			if i%2 == 0 {
				for k := range frame {
					frame[k] = (float32(k%96)/160 - 0.3) / float32(1+n/6%2*3)
				}
			}
			packet, err := encoder.Encode(frame)
			must(t, err)
			packets = append(packets, bytes.Clone(packet))
		}
	}
	return packets
}

// play writes packets as they would arrive, leaving out those that are lost.
func play(tap *Track, packets [][]byte, start time.Duration, lost func(int) bool) {
	for i, payload := range packets {
		if lost != nil && lost(i) {
			continue
		}
		p := &rtp.Packet{Header: rtp.Header{SequenceNumber: uint16(i), Timestamp: uint32(i * 960)}, Payload: payload}
		tap.Write(p, began.Add(start+time.Duration(i)*20*time.Millisecond))
	}
}

// wait polls the transcript until ok.
func (h *house) wait(what string, ok func(parley.Transcript) bool) parley.Transcript {
	h.t.Helper()
	for deadline := time.Now().Add(15 * time.Second); ; {
		transcript, err := h.keep.Transcripts.Transcript(h.t.Context(), h.meeting.ID)
		must(h.t, err)
		if ok(transcript) {
			return transcript
		}
		if time.Now().After(deadline) {
			h.t.Fatalf("%s: %+v", what, transcript.Utterances)
		}
	}
}

func recognized(n int) func(parley.Transcript) bool {
	return func(tr parley.Transcript) bool {
		done := 0
		for _, u := range tr.Utterances {
			if u.State != parley.Pending {
				done++
			}
		}
		return done >= n
	}
}

// minutes are those there are now; the zero Minutes before the first.
func (h *house) minutes() parley.Minutes {
	h.t.Helper()
	m, err := h.keep.Actions.Minutes(h.t.Context(), h.meeting.ID)
	if err != nil && !errors.Is(err, parley.NotFound) {
		h.t.Fatal(err)
	}
	return m
}

func near(got, want time.Duration) bool {
	return got-want < 600*time.Millisecond && want-got < 600*time.Millisecond
}

func TestSpeechBecomesWordsAndMinutes(t *testing.T) {
	t.Parallel()
	h := open(t, scripted(func(s pcm.Speech, _ Hint) (Result, error) {
		if s.Duration() > 2*time.Second {
			return said("I will send the offer to the client by Friday.", "en"), nil
		}
		return said("Good morning.", "en"), nil
	}))
	h.run()
	events, stop := context.WithCancel(t.Context())
	defer stop()
	subscribed := h.bus.Subscribe(events, h.meeting.ID)
	heard := make(chan parley.Event, 16)
	go func() {
		defer close(heard)
		for e := range subscribed {
			heard <- e
		}
	}()
	tap := h.tap()
	play(tap, talk(t, time.Second, 2*time.Second, 4*time.Second, time.Second), 0, nil)
	transcript := h.wait("both have words", recognized(2))
	first, second := transcript.Utterances[0], transcript.Utterances[1]
	if first.Text != "Good morning." || !near(first.Start, 0) || !near(first.End, 1200*time.Millisecond) {
		t.Errorf("first %q from %v to %v", first.Text, first.Start, first.End)
	}
	if !near(second.Start, 2800*time.Millisecond) || !near(second.End, 7200*time.Millisecond) || second.Participant != "p1" {
		t.Errorf("second from %v to %v", second.Start, second.End)
	}
	if w := second.Words; len(w) != 10 || w[0].Start != second.Start || w[9].End > second.End {
		t.Errorf("words %+v", w)
	}
	worded := false // the minutes grow with the transcript
	for e := range heard {
		worded = worded || e.Kind == parley.EventUtterance && e.Utterance == second.ID
		if worded && e.Kind == parley.EventMinutes && len(h.minutes().Items) == 1 {
			break
		}
	}
	if m := h.minutes(); m.Final {
		t.Errorf("the minutes of a live meeting are final: %+v", m)
	}
	must(t, h.keep.Chats.AddChatMessage(t.Context(), parley.ChatMessage{
		ID: "c1", Meeting: h.meeting.ID, Participant: "p1", At: 8 * time.Second, Text: "/action book a room",
	}))
	must(t, h.keep.Chats.AddChatMessage(t.Context(), parley.ChatMessage{
		ID: "c2", Meeting: h.meeting.ID, Participant: "p1", At: 9 * time.Second, Text: "I will call Kim by Friday.",
	}))
	tap.Close()
	must(t, h.keep.Meetings.EndMeeting(t.Context(), h.meeting.ID, began.Add(10*time.Second)))
	must(t, h.Finish(t.Context(), "hk", h.meeting.ID))
	for e := range heard {
		if e.Kind == parley.EventMinutes && h.minutes().Final {
			break
		}
	}
	made := h.minutes()
	if len(made.Items) != 2 || made.Items[0].Owner.Participant != "p1" || made.Items[0].Utterances[0] != second.ID {
		t.Fatalf("minutes %+v", made)
	}
	if typed := made.Items[1]; typed.Task != "book a room" || typed.Utterances[0] != "c1" || typed.Start != 8*time.Second || typed.Tier != parley.Proposed {
		t.Errorf("typed %+v", typed)
	}
	if made.Made.IsZero() {
		t.Error("the minutes do not say when they were made")
	}
	stop()
	for range heard {
	}
}

func TestALostPacketLeavesTheTimesAlone(t *testing.T) {
	t.Parallel()
	h := open(t, scripted(func(s pcm.Speech, _ Hint) (Result, error) {
		return said(fmt.Sprint(s.Duration().Truncate(time.Second)), "en"), nil
	}))
	h.run()
	tap := h.tap()
	play(tap, talk(t, 6*time.Second, 2*time.Second), 0, func(i int) bool { return i%17 == 3 || i >= 100 && i < 110 })
	u := h.wait("it has words", recognized(1)).Utterances[0]
	tap.Close()
	if u.Text != "6s" || !near(u.End, 6200*time.Millisecond) {
		t.Errorf("%s long, ends at %v", u.Text, u.End)
	}
}

func TestAPauseWithoutPacketsEndsAnUtterance(t *testing.T) {
	t.Parallel()
	h := open(t, scripted(func(pcm.Speech, Hint) (Result, error) { return said("yes", "en"), nil }))
	h.run()
	tap := h.tap()
	packets := talk(t, 2*time.Second)
	play(tap, packets, 0, nil)
	h.wait("the first has words though nothing follows", recognized(1))
	for i, payload := range packets {
		p := &rtp.Packet{Header: rtp.Header{SequenceNumber: uint16(100 + i), Timestamp: uint32((100 + i) * 960)}, Payload: payload}
		tap.Write(p, began.Add(time.Minute+time.Duration(i)*20*time.Millisecond))
	}
	u := h.wait("the second has words", recognized(2)).Utterances[1]
	tap.Close()
	if !near(u.Start, time.Minute) || !near(u.End, time.Minute+2*time.Second) {
		t.Errorf("the second is from %v to %v", u.Start, u.End)
	}
}

func TestWithoutAnEngineItIsKnownWhoSpokeWhen(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	h.run()
	tap := h.tap()
	play(tap, talk(t, 2*time.Second, 2*time.Second), 0, nil)
	u := h.wait("it is there", func(tr parley.Transcript) bool { return len(tr.Utterances) == 1 }).Utterances[0]
	tap.Close()
	if u.State != parley.Wordless || !near(u.End, 2200*time.Millisecond) {
		t.Errorf("%s, ends at %v", u.State, u.End)
	}
	if ok, missing := h.Words(); ok || missing != "There is no engine." {
		t.Error(ok, missing)
	}
}

// addPending stores an utterance that waits for words.
func (h *house) addPending() parley.Utterance {
	h.t.Helper()
	s := newSaver(h.Transcriber, h.keep, micTrack())
	must(h.t, h.keep.Recordings.OpenTrack(h.t.Context(), micTrack()))
	u, audio, err := s.utterance(piece{start: time.Second, end: 2 * time.Second, packets: talk(h.t, time.Second)})
	must(h.t, err)
	u.NextTry = began
	must(h.t, s.store(h.t.Context(), u, audio))
	return u
}

// looseLease is a lease on a job that is in no queue.
type looseLease struct {
	job    parley.Job
	failed bool
}

func (l *looseLease) Job() parley.Job              { return l.job }
func (l *looseLease) Extend(context.Context) error { return nil }
func (l *looseLease) Done(context.Context) error   { return nil }

func (l *looseLease) Fail(context.Context) error {
	l.failed = true
	return nil
}

// carry carries out a job as a worker does; Unavailable when it was given back.
func (h *house) carry(job parley.Job) error {
	h.t.Helper()
	lease := &looseLease{job: job}
	task := &held{t: h.Transcriber, keep: h.keep, lease: lease}
	if wanted, err := task.prepare(h.t.Context()); wanted && err == nil {
		w := Worker{tasks: h, recognizer: h.recognizer, finals: &h.finals, log: h.log}
		w.carryOut(h.t.Context(), task)
	} else {
		h.settleUnheard(h.t.Context(), task, err)
	}
	if lease.failed {
		return parley.Unavailable
	}
	return nil
}

func (h *house) row(id parley.UtteranceID) parley.Utterance {
	h.t.Helper()
	u, err := h.keep.Transcripts.Utterance(h.t.Context(), id)
	must(h.t, err)
	return u
}

func TestWhatCannotBeHeardIsParked(t *testing.T) {
	t.Parallel()
	broken := errors.New("garbage")
	h := open(t, scripted(func(pcm.Speech, Hint) (Result, error) { return Result{}, broken }))
	u := h.addPending()
	for i := range parley.MaxAttempts {
		if got := h.row(u.ID); got.State != parley.Pending || got.Attempts != i {
			t.Fatalf("after %d attempts: %s, %d", i, got.State, got.Attempts)
		}
		must(t, h.carry(utteranceJob("hk", u)))
	}
	if got := h.row(u.ID); got.State != parley.Parked {
		t.Errorf("after all attempts: %s", got.State)
	}
}

func TestAnEngineThatIsAwayIsNotTheUtterancesFault(t *testing.T) {
	t.Parallel()
	h := open(t, scripted(func(pcm.Speech, Hint) (Result, error) { return Result{}, parley.Unavailable }))
	u := h.addPending()
	if err := h.carry(utteranceJob("hk", u)); !errors.Is(err, parley.Unavailable) {
		t.Error(err)
	}
	if got := h.row(u.ID); got.Attempts != 0 || got.State != parley.Pending {
		t.Errorf("%s, %d attempts", got.State, got.Attempts)
	}
}

func TestTwoWorkersWriteOneText(t *testing.T) {
	t.Parallel()
	h := open(t, scripted(func(pcm.Speech, Hint) (Result, error) { return said("once", "en"), nil }))
	u := h.addPending()
	for range 3 {
		must(t, h.carry(utteranceJob("hk", u)))
	}
	if got := h.row(u.ID); got.Text != "once" || got.Attempts != 1 {
		t.Errorf("%q after %d attempts", got.Text, got.Attempts)
	}
}

func TestARowWithoutAJobGetsOne(t *testing.T) {
	t.Parallel()
	h := open(t, scripted(func(pcm.Speech, Hint) (Result, error) { return said("late", "en"), nil }))
	u := h.addPending()
	lease, err := h.bus.Claim(t.Context(), parley.JobTranscribe, "hk") // the job that will be lost
	must(t, err)
	must(t, lease.Done(t.Context()))
	h.run() // its sweeper finds the row
	h.wait("it has words", recognized(1))
	if got := h.row(u.ID); got.Text != "late" {
		t.Errorf("%q", got.Text)
	}
}

func TestSoundThatHasChangedIsNotHeard(t *testing.T) {
	t.Parallel()
	h := open(t, scripted(func(pcm.Speech, Hint) (Result, error) { return said("anything", "en"), nil }))
	u := h.addPending()
	u.SHA256[0] ^= 1
	if _, err := readAudio(t.Context(), h.keep, u); !errors.Is(err, parley.Invalid) {
		t.Error(err)
	}
}

// TestWhatAKilledProcessHeardIsCutAgain has a recording with a crash, of which only the first
// utterance was stored.
func TestWhatAKilledProcessHeardIsCutAgain(t *testing.T) {
	t.Parallel()
	h := open(t, scripted(func(pcm.Speech, Hint) (Result, error) { return said("recovered", "en"), nil }))
	track := micTrack()
	must(t, h.keep.Recordings.OpenTrack(t.Context(), track))
	packets := talk(t, 2*time.Second, time.Second, 2*time.Second, time.Second, time.Second)
	var content []byte
	number := 0
	store := func(start, end time.Duration) {
		number++
		key := parley.Key(fmt.Sprintf("meetings/m/tracks/t/%06d.webm", number))
		sum := parley.Hash(sha256.Sum256(content))
		must(t, h.keep.Objects.Put(t.Context(), parley.ObjectInfo{Key: key, Bytes: int64(len(content)), SHA256: sum}, bytes.NewReader(content)))
		must(t, h.keep.Recordings.AddSegment(t.Context(), parley.Segment{
			Track: track.ID, Number: number, Start: start, End: end, Bytes: int64(len(content)), SHA256: sum, Key: key,
		}))
	}
	for i, chunk := range slices.Collect(slices.Chunk(packets, 100)) {
		start := time.Duration(i) * 2 * time.Second
		content = container.AppendCluster(nil, start)
		for k, p := range chunk {
			content = container.AppendBlock(content, start, start+time.Duration(k)*20*time.Millisecond, true, p)
		}
		store(start, start+time.Duration(len(chunk))*20*time.Millisecond)
	}
	must(t, h.keep.Recordings.AddGap(t.Context(), parley.Gap{Track: track.ID, Start: 7 * time.Second, End: 9 * time.Second, Reason: parley.GapCrash}))
	must(t, h.keep.Transcripts.AddUtterance(t.Context(), parley.Utterance{
		ID: "u1", Meeting: h.meeting.ID, Track: track.ID, Participant: "p1", End: 2200 * time.Millisecond,
		State: parley.Recognized, Text: "stored before",
	}))
	must(t, h.Recover(t.Context(), nil))
	h.run()
	transcript := h.wait("the rest has words", recognized(3))
	if len(transcript.Utterances) != 3 {
		t.Fatalf("%d utterances", len(transcript.Utterances))
	}
	for i, want := range []time.Duration{0, 2800 * time.Millisecond, 5800 * time.Millisecond} {
		if got := transcript.Utterances[i].Start; !near(got, want) {
			t.Errorf("utterance %d begins at %v, want %v", i, got, want)
		}
	}
}

func TestAFileIsCutAndHeard(t *testing.T) {
	t.Parallel()
	s := slices.Concat(loud(2*time.Second), make(pcm.Speech, pcm.Rate), loud(3*time.Second))
	var texts []string
	err := File(t.Context(), s, scripted(func(s pcm.Speech, h Hint) (Result, error) {
		return said(h.Lang+" "+s.Duration().Truncate(time.Second).String(), h.Lang), nil
	}), nil, About{Lang: "en"}, func(u Spoken, _ time.Duration) error {
		texts = append(texts, u.Text)
		return nil
	})
	must(t, err)
	if !slices.Equal(texts, []string{"en 2s", "en 3s"}) {
		t.Error(texts)
	}
}

func TestASpeakersOwnLanguageIsALock(t *testing.T) {
	t.Parallel()
	hints := make(chan string, 1)
	h := open(t, scripted(func(_ pcm.Speech, hint Hint) (Result, error) {
		hints <- hint.Lang
		return said("係", hint.Lang), nil
	}))
	must(t, h.keep.Participants.PutParticipant(t.Context(), parley.Participant{
		ID: "p1", Meeting: h.meeting.ID, Number: 1, Name: "Nora Lind", Role: parley.RoleHost, Consent: parley.Granted,
		Joined: began, Language: "yue",
	}))
	u := h.addPending()
	must(t, h.carry(utteranceJob("hk", u)))
	if hint, row := <-hints, h.row(u.ID); hint != "yue" || row.Lang != "yue" {
		t.Errorf("heard as %q, kept as %q", hint, row.Lang)
	}
}

// heardTwice is a meeting that has ended, of which one utterance was heard as first; every further hearing
// says what anew does.
func heardTwice(t *testing.T, first string, anew *string) (*house, parley.Utterance) {
	t.Helper()
	text := first
	h := open(t, scripted(func(_ pcm.Speech, hint Hint) (Result, error) {
		lang := hint.Lang
		if lang == "" {
			lang = "en"
		}
		return said(text, lang), nil
	}))
	u := h.addPending()
	must(t, h.carry(utteranceJob("hk", u)))
	must(t, h.keep.Meetings.EndMeeting(t.Context(), h.meeting.ID, began.Add(10*time.Second)))
	text = *anew
	return h, u
}

// again has the meeting heard once more, and carries out the jobs of that.
func (h *house) again(language string) parley.Pass {
	h.t.Helper()
	p, err := h.Again(h.t.Context(), "hk", h.meeting.ID, language, parley.Author{Identity: "mei", Name: "Mei"})
	must(h.t, err)
	lease, err := h.bus.Claim(h.t.Context(), parley.JobAgain, "hk")
	must(h.t, err)
	for range 2 { // a job may come twice
		must(h.t, h.carry(lease.Job()))
	}
	must(h.t, lease.Done(h.t.Context()))
	return p
}

func (h *house) edit(id parley.UtteranceID, shown int, text string) (parley.Utterance, error) {
	return h.Edit(h.t.Context(), "hk", id, shown, text, parley.Author{Identity: "mei", Name: "Mei"})
}

func TestAMeetingIsHeardAgain(t *testing.T) {
	t.Parallel()
	anew := "we go now"
	h, u := heardTwice(t, "we go no", &anew)
	p := h.again("zh")
	got := h.row(u.ID)
	if p.Number != 1 || got.Text != "we go now" || got.Lang != "zh" || got.Version != 2 || got.Conflict != "" {
		t.Errorf("pass %d: %+v", p.Number, got)
	}
	readings, err := h.keep.Transcripts.Readings(t.Context(), u.ID)
	must(t, err)
	if len(readings) != 2 || readings[0].Text != "we go no" || readings[0].Pass != 0 || readings[1].Text != "we go now" || readings[1].Pass != 1 {
		t.Errorf("readings %+v", readings)
	}
	if p := h.again(""); p.Number != 2 || h.row(u.ID).Version != 3 {
		t.Errorf("the second pass is %d, version %d", p.Number, h.row(u.ID).Version)
	}
}

// TestAPassOutlivesTheBus has the jobs of a pass lost, of which one utterance cannot be heard.
func TestAPassOutlivesTheBus(t *testing.T) {
	t.Parallel()
	var calls atomic.Int32
	h := open(t, scripted(func(pcm.Speech, Hint) (Result, error) {
		if calls.Add(1) == 3 {
			return Result{}, errors.New("garbage")
		}
		return said(fmt.Sprint("hearing ", calls.Load()), "en"), nil
	}))
	var all []parley.Utterance
	for range 2 {
		u := h.addPending()
		must(t, h.carry(utteranceJob("hk", u)))
		all = append(all, u)
	}
	must(t, h.keep.Meetings.EndMeeting(t.Context(), h.meeting.ID, began.Add(10*time.Second)))
	_, err := h.Again(t.Context(), "hk", h.meeting.ID, "", parley.Author{})
	must(t, err)
	for range all {
		lease, err := h.bus.Claim(t.Context(), parley.JobAgain, "hk")
		must(t, err)
		must(t, lease.Done(t.Context())) // lost
	}
	must(t, h.sweepPasses(t.Context(), h.keep, time.Now())) // it is too early to say so
	h.run()                                                 // but not for a process that starts
	rehearings := func() int {
		due, err := h.keep.Transcripts.DueRehearings(t.Context(), time.Now().Add(time.Hour), time.Now().Add(time.Minute), 10)
		must(t, err)
		return len(due)
	}
	for deadline := time.Now().Add(15 * time.Second); rehearings() > 0; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("after %d hearings %d are left", calls.Load(), rehearings())
		}
	}
	versions := 0
	for _, u := range all {
		readings, err := h.keep.Transcripts.Readings(t.Context(), u.ID)
		must(t, err)
		versions += len(readings)
	}
	if calls.Load() != 4 || versions != 2 {
		t.Errorf("%d hearings, %d versions: one of two was heard again, the other was tried", calls.Load(), versions)
	}
}

func TestEditsSurviveBeingHeardAgain(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ anew, shown, conflict string }{
		"where something else was heard better": {"ask erwin about it now", "ask Erin about it now", ""},
		"where the same place is heard anew":    {"ask aaron about it no", "ask Erin about it no", "ask aaron about it no"},
	} {
		h, u := heardTwice(t, "ask erwin about it no", &c.anew)
		edited, err := h.edit(u.ID, 0, "ask  Erin about it no ")
		must(t, err)
		if edited.Text != "ask Erin about it no" || edited.Version != 2 || edited.Edited != 2 || textOf(edited.Words) != edited.Text {
			t.Errorf("%s: edited to %+v", name, edited)
		}
		h.again("")
		got := h.row(u.ID)
		if got.Text != c.shown || got.Conflict != c.conflict || textOf(got.Words) != c.shown || got.Edited != 2 {
			t.Errorf("%s: %+v", name, got)
		}
		readings, err := h.keep.Transcripts.Readings(t.Context(), u.ID)
		must(t, err)
		if len(readings) != 4 || readings[1].Kind != parley.ReadingEdited || readings[1].Name != "Mei" || readings[2].Text != c.anew {
			t.Errorf("%s: readings %+v", name, readings)
		}
		if _, err := h.edit(u.ID, 2, "late"); !errors.Is(err, parley.Conflict) {
			t.Errorf("%s: an edit of what is shown no more: %v", name, err)
		}
		settled, err := h.edit(u.ID, got.Version, "ask Erin, now")
		if err != nil || settled.Conflict != "" {
			t.Errorf("%s: settled: %+v, %v", name, settled, err)
		}
	}
}

func TestEditsThatAreRefused(t *testing.T) {
	t.Parallel()
	h := open(t, scripted(func(pcm.Speech, Hint) (Result, error) { return said("we go", "en"), nil }))
	u := h.addPending()
	if _, err := h.edit(u.ID, 0, "we went"); !errors.Is(err, parley.Conflict) {
		t.Error("before it was heard:", err)
	}
	must(t, h.carry(utteranceJob("hk", u)))
	if _, err := h.edit(u.ID, 0, strings.Repeat("x", longestEdit+1)); !errors.Is(err, parley.Invalid) {
		t.Error("too long:", err)
	}
	if _, err := h.edit("u-none", 0, "x"); !errors.Is(err, parley.NotFound) {
		t.Error("of nothing:", err)
	}
	by := parley.Author{}
	if _, err := h.Again(t.Context(), "hk", h.meeting.ID, "", by); !errors.Is(err, parley.Conflict) {
		t.Error("heard again while it goes on:", err)
	}
	if _, err := h.Again(t.Context(), "hk", h.meeting.ID, "tlh", by); !errors.Is(err, parley.Invalid) {
		t.Error("heard as a language nobody speaks here:", err)
	}
	if _, err := h.edit(u.ID, 0, ""); err != nil || h.row(u.ID).Text != "" {
		t.Error("nothing was said after all:", err)
	}
}

func TestWhatIsParkedCanBeRetried(t *testing.T) {
	t.Parallel()
	broken := errors.New("garbage")
	h := open(t, scripted(func(pcm.Speech, Hint) (Result, error) {
		if broken != nil {
			return Result{}, broken
		}
		return said("at last", "en"), nil
	}))
	u := h.addPending()
	for range parley.MaxAttempts {
		must(t, h.carry(utteranceJob("hk", u)))
	}
	broken = nil
	for want := 1; want >= 0; want-- { // the second time there is none
		if n, err := h.Retry(t.Context(), "hk", h.meeting.ID); err != nil || n != want {
			t.Errorf("%d retried, %v", n, err)
		}
	}
	h.run()
	if got := h.wait("it has words", recognized(1)).Utterances[0]; got.Text != "at last" {
		t.Errorf("%+v", got)
	}
}

// TestADriftingClockMovesNoUtterance has a sender whose crystal runs a thousandth too fast or too slow, ten
// times as badly as any that is sold: who speaks when stays true, and no stretch is torn apart.
func TestADriftingClockMovesNoUtterance(t *testing.T) {
	t.Parallel()
	const turns = 20
	var stretches []time.Duration
	for range turns {
		stretches = append(stretches, 5*time.Second, 5*time.Second)
	}
	packets := talk(t, stretches...)
	for name, thousandths := range map[string]int64{"too fast": -1, "too slow": 1, "well": 0} {
		var found []piece
		line, err := newTimeline(media.NewClock(48_000, began), nil, func(p piece) { found = append(found, p) })
		must(t, err)
		arrives := func(d time.Duration) time.Duration { return time.Duration(int64(d) * (1000 + thousandths) / 1000) }
		for i, packet := range packets {
			p := &rtp.Packet{Header: rtp.Header{SequenceNumber: uint16(i), Timestamp: uint32(i * 960)}, Payload: packet}
			line.push(t.Context(), p, began.Add(arrives(time.Duration(i)*20*time.Millisecond)), 0)
		}
		line.close(t.Context())
		if len(found) != turns {
			t.Fatalf("%s: %d utterances of %d", name, len(found), turns)
		}
		for i, p := range found {
			from, to := arrives(time.Duration(i)*10*time.Second), arrives(time.Duration(i)*10*time.Second+5*time.Second)
			if off := p.start - from; off < -leadIn-100*time.Millisecond || off > 100*time.Millisecond {
				t.Errorf("%s: utterance %d begins at %v, not %v", name, i, p.start, from)
			}
			if off := p.end - to; off < -100*time.Millisecond || off > tail+pcmDuration(gateHold*Window)+150*time.Millisecond {
				t.Errorf("%s: utterance %d ends at %v, not %v", name, i, p.end, to)
			}
		}
	}
}

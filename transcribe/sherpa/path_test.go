package sherpa_test

import (
	"bytes"
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/parley/parley"
	"github.com/parley/parley/bus"
	"github.com/parley/parley/media/pcm"
	"github.com/parley/parley/recorder/catalog"
	"github.com/parley/parley/recorder/objects"
	"github.com/parley/parley/transcribe"
	"github.com/parley/parley/transcribe/minutes"
	"github.com/parley/parley/transcribe/score"
	"github.com/parley/parley/transcribe/sherpa"
)

var pathBegan = time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)

// openPath is a region with a meeting that has begun, and a transcriber that runs until the test ends.
func openPath(t *testing.T, e *sherpa.Engine) (*transcribe.Transcriber, *parley.Keep, parley.Meeting) {
	t.Helper()
	return openPathWith(t, e, e, nil)
}

// openPathWith has somebody recognize, or nobody, and tells what is shown of utterances while they grow.
func openPathWith(
	t testing.TB, recognizer transcribe.Recognizer, voices transcribe.Voices, show func(parley.Utterance),
) (*transcribe.Transcriber, *parley.Keep, parley.Meeting) {
	t.Helper()
	directory := t.TempDir()
	store, err := objects.OpenDir(filepath.Join(directory, "objects"))
	must(t, err)
	rows, err := catalog.Open(t.Context(), filepath.Join(directory, "catalog.db"))
	must(t, err)
	jobs, err := bus.Open(bus.Config{Directory: filepath.Join(directory, "bus")}, zap.NewNop())
	must(t, err)
	keep := &parley.Keep{
		Region: "hk", Objects: store, Meetings: rows, Participants: rows, Chats: rows,
		Recordings: rows, Transcripts: rows, Actions: rows,
	}
	m := parley.Meeting{ID: "abc-defg-hij", Region: "hk", Zone: "UTC", Record: true, State: parley.Scheduled, Created: pathBegan}
	must(t, rows.CreateMeeting(t.Context(), m))
	m, err = rows.BeginMeeting(t.Context(), m.ID, pathBegan)
	must(t, err)
	extractor, err := minutes.New()
	must(t, err)
	tr, err := transcribe.New(transcribe.DefaultConfig(), transcribe.Parts{
		Regions: parley.Regions{"hk": keep}, Jobs: jobs, Events: jobs, Extractor: extractor, Recognizer: recognizer, Voices: voices, Interim: show,
		Log: zap.NewNop(), Registry: prometheus.NewRegistry(),
	})
	must(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- tr.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		must(t, <-done)
		must(t, jobs.Close())
		must(t, rows.Close())
		must(t, store.Close())
	})
	return tr, keep, m
}

// openTap waits until the transcriber runs.
func openTap(t testing.TB, tr *transcribe.Transcriber, m parley.Meeting, id parley.TrackID) *transcribe.Track {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(poll) {
		tap, err := tr.Track(m, parley.Track{
			ID: id, Meeting: m.ID, Participant: "p1", Source: parley.Microphone, Codec: "audio/opus", ClockRate: 48000, Channels: 2,
		}, pathBegan)
		if err == nil {
			return tap
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}

// packets are speech as a browser sends it, without DTX.
func packets(t testing.TB, s pcm.Speech) [][]byte {
	t.Helper()
	encoder, err := pcm.NewEncoder(32_000)
	if err != nil {
		t.Skip("no Opus encoder in this build:", err)
	}
	wide := pcm.Resample(s, pcm.Rate, 48_000)
	var all [][]byte
	for i := 0; (i+1)*960 <= len(wide); i++ {
		packet, err := encoder.Encode(wide[i*960 : (i+1)*960])
		must(t, err)
		all = append(all, bytes.Clone(packet))
	}
	return all
}

// throughOpus plays speech into a tap as a browser sends it, 32 kbit/s with FEC, of which a share of the
// packets is lost. It waits where the tap's queue would overflow.
func throughOpus(t *testing.T, tr *transcribe.Transcriber, m parley.Meeting, id parley.TrackID, s pcm.Speech, lost float64) {
	t.Helper()
	const faster = 50 // times as fast as in a meeting: the tap keeps up
	throughOpusAt(t, tr, m, id, s, lost, faster)
}

func throughOpusAt(
	t *testing.T, tr *transcribe.Transcriber, m parley.Meeting, id parley.TrackID, s pcm.Speech, lost float64, faster time.Duration,
) {
	t.Helper()
	encoder, err := pcm.NewEncoder(32_000)
	if err != nil {
		t.Skip("no Opus encoder in this build:", err)
	}
	tap := openTap(t, tr, m, id)
	random := rand.New(rand.NewPCG(11, 23))
	wide := pcm.Resample(append(s, make(pcm.Speech, pcm.Rate)...), pcm.Rate, 48_000)
	for i := 0; (i+1)*960 <= len(wide); i++ {
		packet, err := encoder.Encode(wide[i*960 : (i+1)*960])
		must(t, err)
		if random.Float64() < lost {
			continue
		}
		at := pathBegan.Add(time.Duration(i) * 20 * time.Millisecond)
		tap.Write(&rtp.Packet{
			Header:  rtp.Header{SequenceNumber: uint16(i), Timestamp: uint32(i * 960)},
			Payload: bytes.Clone(packet),
		}, at)
		if i%50 == 49 { // sound comes over time
			time.Sleep(time.Second / faster)
		}
	}
	tap.Close()
}

// textOfTrack waits until every utterance of a track has words.
func textOfTrack(t testing.TB, tr *transcribe.Transcriber, keep *parley.Keep, m parley.Meeting, id parley.TrackID) string {
	t.Helper()
	must(t, tr.Finish(t.Context(), "hk", m.ID)) // everything is stored
	for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(poll) {
		transcript, err := keep.Transcripts.Transcript(t.Context(), m.ID)
		must(t, err)
		var texts []string
		pending := 0
		for _, u := range transcript.Utterances {
			if u.Track == id {
				texts = append(texts, u.Text)
			}
			if u.State == parley.Pending {
				pending++
			}
		}
		if pending == 0 {
			return strings.Join(texts, " ")
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d utterances wait", pending)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// TestTheWholePathHearsAsWellAsAFile compares what comes out of Opus, tap, cutter, region, queue and child
// with what the same sound comes to as a file.
func TestTheWholePathHearsAsWellAsAFile(t *testing.T) {
	t.Parallel()
	e := start(t, find(t))
	waitForWords(t, e)
	file, err := os.Open(filepath.Join(sherpa.ModuleRoot(must2(os.Getwd())), "..", "shared", "speech", "MANIFEST.tsv"))
	if err != nil {
		t.Skip("the shared speech is not here:", err)
	}
	rows, err := score.ReadManifest(file)
	must(t, err)
	must(t, file.Close())
	var said []string
	var whole pcm.Speech
	for _, row := range rows {
		if row.Lang == "en" && strings.Contains(row.File, "en_ls_") {
			said = append(said, score.Units(score.WER, row.Reference)...)
			whole = append(append(whole, speech(t, row.File)...), make(pcm.Speech, pcm.Rate)...)
		}
	}
	errorsOf := func(text string) int { return score.Errors(said, score.Units(score.WER, text)) }
	asFile := errorsOf(textOf(hearFile(t, e, e, whole, "en")))
	tr, keep, m := openPath(t, e)
	throughOpus(t, tr, m, "clean", whole, 0)
	clean := errorsOf(textOfTrack(t, tr, keep, m, "clean"))
	throughOpus(t, tr, m, "lossy", whole, 0.05)
	lossy := errorsOf(textOfTrack(t, tr, keep, m, "lossy"))
	t.Logf("of %d words wrong: %d as a file, %d through the path, %d with 5 %% of the packets lost", len(said), asFile, clean, lossy)
	const slack = 2 // words: a tenth of a handful is none
	if float64(clean) > 1.1*float64(asFile)+slack || float64(lossy) > 1.25*float64(asFile)+2*slack {
		t.Errorf("%d wrong through the path, %d with loss, %d as a file", clean, lossy, asFile)
	}
}

func must2(s string, err error) string {
	if err != nil {
		panic(err)
	}
	return s
}

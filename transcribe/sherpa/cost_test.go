package sherpa_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/pion/rtp"

	"github.com/parley/parley"
	"github.com/parley/parley/media/pcm"
	"github.com/parley/parley/transcribe"
	"github.com/parley/parley/transcribe/sherpa"
)

// cost is how long this process and the engines it runs have computed, as Linux tells it.
type cost struct{ own, child time.Duration }

func costSoFar(b *testing.B) cost {
	b.Helper()
	var own syscall.Rusage
	must(b, syscall.Getrusage(syscall.RUSAGE_SELF, &own))
	c := cost{own: time.Duration(own.Utime.Nano() + own.Stime.Nano())}
	for _, pid := range children(b) {
		threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
		must(b, err)
		for _, thread := range threads {
			text, err := os.ReadFile(thread)
			if fields := strings.Fields(string(text)); err == nil && len(fields) > 0 {
				on, err := strconv.ParseInt(fields[0], 10, 64)
				must(b, err)
				c.child += time.Duration(on)
			}
		}
	}
	return c
}

// BenchmarkOpenMicrophone tells what an unmuted track costs, decoding and finding voice, as a percentage of a
// core: this process and the child. Nothing is recognized. What it costs to open a track is told apart.
func BenchmarkOpenMicrophone(b *testing.B) {
	files := find(b)
	long := make(pcm.Speech, 120*pcm.Rate)
	spoken, room := speech(b, "en_austen_0870.wav"), make(pcm.Speech, len(long))
	random := rand.New(rand.NewPCG(1, 2))
	for i := range room {
		room[i] = 0.001 * float32(random.NormFloat64()) // -60 dBFS, a fan
	}
	for len(spoken) < len(long) {
		spoken = append(spoken, spoken...)
	}
	for name, s := range map[string]pcm.Speech{"speech": spoken[:len(long)], "room": room, "silence": long} {
		b.Run(name, func(b *testing.B) { openMicrophone(b, files, packets(b, s)) })
	}
}

func openMicrophone(b *testing.B, files sherpa.Files, sent [][]byte) {
	e := start(b, files)
	waitForWords(b, e)
	tr, _, m := openPathWith(b, nil, e, nil)
	const tracks = 5
	n := 0
	hear := func(sent [][]byte) {
		var all sync.WaitGroup
		for range tracks {
			n++
			tap := openTap(b, tr, m, parley.TrackID(fmt.Sprintf("track-%d", n)))
			all.Go(func() { hearPackets(tap, sent) })
		}
		all.Wait()
		must(b, tr.Finish(b.Context(), "hk", m.ID))
	}
	hear(sent[:500]) // warms up
	start := costSoFar(b)
	hear(sent[:1])
	opened := costSoFar(b)
	spent, heard := cost{}, time.Duration(0)
	for b.Loop() {
		before := costSoFar(b)
		hear(sent)
		after := costSoFar(b)
		spent.own += after.own - before.own
		spent.child += after.child - before.child
		heard += tracks * time.Duration(len(sent)) * 20 * time.Millisecond
	}
	share := func(d time.Duration) float64 { return 100 * d.Seconds() / heard.Seconds() }
	b.ReportMetric(share(spent.own), "%core/track-own")
	b.ReportMetric(share(spent.child), "%core/track-child")
	b.ReportMetric(share(spent.own+spent.child), "%core/track")
	b.ReportMetric(float64((opened.own-start.own+opened.child-start.child).Milliseconds())/tracks, "ms/open")
}

// hearPackets writes no faster than a tap with a second or two to spare takes them.
func hearPackets(tap *transcribe.Track, sent [][]byte) {
	for i, packet := range sent {
		tap.Write(&rtp.Packet{
			Header:  rtp.Header{SequenceNumber: uint16(i), Timestamp: uint32(i * 960)},
			Payload: packet,
		}, pathBegan.Add(time.Duration(i)*20*time.Millisecond))
		if i%500 == 499 {
			time.Sleep(700 * time.Millisecond) // 14 times as fast as in a meeting
		}
	}
	tap.Close()
}

// BenchmarkRecognize tells what a second of speech costs the child's thread, for good and as a draft.
func BenchmarkRecognize(b *testing.B) {
	e := start(b, find(b))
	s := speech(b, "en_austen_0870.wav")
	waitForWords(b, e)
	for name, hint := range map[string]transcribe.Hint{"final": {Lang: "en"}, "draft": {Lang: "en", Draft: true}} {
		b.Run(name, func(b *testing.B) {
			spent := time.Duration(0)
			for b.Loop() {
				r, err := e.Recognize(b.Context(), s, hint)
				must(b, err)
				spent += r.CPU
			}
			b.ReportMetric(spent.Seconds()/float64(b.N)/s.Duration().Seconds(), "cpu-s/speech-s")
		})
	}
}

// BenchmarkEightPeople has eight talk at once without a pause, through taps, region and queue: what that takes of a
// core, everything but forwarding counted. Over 100 %, words fall behind.
func BenchmarkEightPeople(b *testing.B) {
	e := start(b, find(b))
	waitForWords(b, e)
	tr, keep, m := openPathWith(b, e, e, nil)
	var spoken pcm.Speech
	for _, name := range []string{"en_austen_0870.wav", "en_austen_0890.wav", "en_ls_1089-134686-0001.wav"} {
		spoken = append(spoken, speech(b, name)...)
	}
	sent := packets(b, spoken)
	const people = 8
	n, heard, before := 0, time.Duration(0), costSoFar(b)
	for b.Loop() {
		var all sync.WaitGroup
		for range people {
			n++
			tap := openTap(b, tr, m, parley.TrackID(fmt.Sprintf("track-%d", n)))
			all.Go(func() { hearPackets(tap, sent) })
		}
		all.Wait()
		textOfTrack(b, tr, keep, m, "track-1") // everybody's are there
		heard += time.Duration(len(sent)) * 20 * time.Millisecond
	}
	after := costSoFar(b)
	share := func(d time.Duration) float64 { return 100 * d.Seconds() / heard.Seconds() }
	b.ReportMetric(share(after.own-before.own), "%core-own")
	b.ReportMetric(share(after.child-before.child), "%core-child")
	b.ReportMetric(share(after.own-before.own+after.child-before.child), "%core")
}

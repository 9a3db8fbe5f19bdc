package e2e

import (
	"context"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/parley/parley"
)

// quickGrace lets a meeting that nobody comes back to end within the patience of a test.
const quickGrace = "signaling:\n  empty_grace: 2s\n  reconnect_grace: 1s\n"

// TestAKilledServerLosesAlmostNothing kills the server with SIGKILL while two people speak.
func TestAKilledServerLosesAlmostNothing(t *testing.T) {
	t.Parallel()
	needEngine(t)
	h := openHouse(t, quickGrace)
	id := h.create(`{"title":"Killed"}`)
	reader := h.token(id, "reader", "host")
	nora, victor := h.join(id, "Nora Lind", parley.Granted, ""), h.join(id, "Victor Hale", parley.Granted, "")
	speaking, stop := context.WithCancel(t.Context())
	defer stop()
	began := time.Now()
	done := make(chan struct{}, 2)
	go func() {
		_ = nora.Play(speaking, endless(sample(t, "01-nora-lind.ogg")))
		done <- struct{}{}
	}()
	go func() {
		_ = victor.Play(speaking, endless(sample(t, "02-victor-hale.ogg")))
		done <- struct{}{}
	}()
	const spoken = 16 * time.Second
	select {
	case <-time.After(spoken):
	case <-t.Context().Done():
	}
	killed := time.Since(began)
	h.stop(syscall.SIGKILL)
	stop()
	<-done
	<-done
	resume := nora.Resume()
	nora.Close()
	victor.Close()

	h.start()
	again := h.join(id, "Nora Lind", parley.Granted, resume) // the same place in the same meeting
	if again.You() != nora.You() {
		t.Error("Nora came back as somebody else")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	must(t, again.End(ctx))
	r := h.finished(id, reader)
	if len(r.Recording.Tracks) != 2 {
		t.Fatalf("%d tracks", len(r.Recording.Tracks))
	}
	for _, track := range r.Recording.Tracks {
		webm := h.track(id, reader, track)
		wantPlayable(t, webm)
		at := blocks(t, webm)
		if kept := at[len(at)-1] - at[0]; kept < killed-3*time.Second {
			t.Errorf("%v of %v kept", kept, killed)
		}
		if len(track.Gaps) != 1 || track.Gaps[0].Reason != parley.GapCrash {
			t.Errorf("gaps %+v", track.Gaps)
		}
	}
	last := map[parley.ParticipantID]int64{}
	for _, u := range r.Utterances {
		last[u.Participant] = max(last[u.Participant], u.EndMS)
		if u.State != parley.Recognized {
			t.Errorf("an utterance is %s", u.State)
		}
	}
	for _, p := range r.Participants {
		if p.Name == "Victor Hale" && last[p.ID] < (killed-5*time.Second).Milliseconds() {
			t.Errorf("the words end at %d ms, %v were spoken", last[p.ID], killed)
		}
	}
	if !strings.Contains(strings.ToLower(textOf(r)), "translators by friday") {
		t.Errorf("the words are not there: %q", textOf(r))
	}
}

func textOf(r record) string {
	var b strings.Builder
	for _, u := range r.Utterances {
		b.WriteString(u.Text + "\n")
	}
	return b.String()
}

// TestAKilledEngineDelaysWords kills the speech child while somebody speaks.
func TestAKilledEngineDelaysWords(t *testing.T) {
	t.Parallel()
	needEngine(t)
	h := openHouse(t, quickGrace)
	id := h.create(`{"title":"Deaf"}`)
	reader := h.token(id, "reader", "host")
	victor := h.join(id, "Victor Hale", parley.Granted, "")
	speaking, stop := context.WithCancel(t.Context())
	defer stop()
	done := make(chan struct{})
	go func() {
		_ = victor.Play(speaking, endless(sample(t, "02-victor-hale.ogg")))
		close(done)
	}()
	h.await("words come", func() bool { return len(h.record(id, reader).Utterances) >= 1 })
	pids := children(t, h.process.Process.Pid)
	if len(pids) == 0 {
		t.Fatal("the server has no child")
	}
	for _, pid := range pids {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	before := len(h.record(id, reader).Utterances)
	h.await("speech is cut meanwhile", func() bool { return len(h.record(id, reader).Utterances) > before })
	stop()
	<-done
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	must(t, victor.End(ctx))
	r := h.finished(id, reader)
	for _, u := range r.Utterances {
		if u.State != parley.Recognized {
			t.Errorf("an utterance is %s", u.State)
		}
	}
	if n := strings.Count(strings.ToLower(textOf(r)), "translators"); n < 2 {
		t.Errorf("the words before and after are not there: %q", textOf(r))
	}
}

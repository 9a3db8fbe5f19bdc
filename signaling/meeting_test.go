package signaling_test

import (
	"context"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/rtp"

	"github.com/parley/parley"
	"github.com/parley/parley/signaling"
	"github.com/parley/parley/signaling/auth"
	"github.com/parley/parley/signaling/client"
)

func TestTwoMeet(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	nora := h.join(h.as("Nora", auth.ScopeHost))
	var csrc atomic.Uint32
	watching := h.as("Victor", auth.ScopePublish)
	watching.OnPacket = func(_ client.Seat, p *rtp.Packet) {
		if len(p.CSRC) > 0 {
			csrc.Store(p.CSRC[0])
		}
	}
	victor := h.join(watching)
	h.speak(nora)

	joined := victor.Joined()
	if joined.Role != parley.RoleMember || !joined.Meeting.Record || joined.Meeting.Title != "Budget review" {
		t.Errorf("joined says %+v", joined.Meeting)
	}
	if !strings.HasPrefix(joined.Meeting.Link, "/j/"+string(meeting)+"?k=") || joined.Status.WordsMissing == "" {
		t.Errorf("the link is %q, the status %+v", joined.Meeting.Link, joined.Status)
	}
	if len(joined.Roster) != 2 || joined.Roster[0].Number != 1 || joined.Roster[1].ID != victor.You() {
		t.Errorf("the roster is %+v", joined.Roster)
	}
	poll(t, "Victor hears Nora, by her number", func() bool { return csrc.Load() == 1 })
	poll(t, "Victor sees that Nora's microphone is on", func() bool {
		tracks := victor.Roster()[0].Tracks
		return len(tracks) == 1 && tracks[0].Source == parley.Microphone && !tracks[0].Muted
	})
	poll(t, "Victor's seats say who speaks", func() bool {
		return slices.ContainsFunc(victor.SeatMap(), func(s signaling.SeatState) bool {
			return s.Kind == parley.Audio && s.Participant == nora.You()
		})
	})
	if err := nora.Mute(parley.Microphone, true); err != nil {
		t.Fatal(err)
	}
	poll(t, "Victor sees that Nora is muted", func() bool {
		tracks := victor.Roster()[0].Tracks
		return len(tracks) == 1 && tracks[0].Muted
	})
	if times := victor.Timings(); times.Open == 0 || times.Joined < times.Open || times.FirstPacket < times.Joined {
		t.Errorf("the timings are %+v", times)
	}
	if err := nora.Leave(t.Context()); err != nil {
		t.Fatal(err)
	}
	poll(t, "Nora is gone", func() bool { return len(victor.Roster()) == 1 })
}

func TestChatAndCaptions(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	nora := h.join(h.as("Nora", auth.ScopePublish))
	heard := make(chan signaling.Message, 100)
	cfg := h.as("Victor", auth.ScopePublish)
	cfg.OnMessage = func(m signaling.Message) { heard <- m }
	h.join(cfg)
	if err := nora.Chat("  The draft is in the shared folder.\n"); err != nil {
		t.Fatal(err)
	}
	line := await[signaling.Chat](t, heard)
	if line.Text != "The draft is in the shared folder." || line.Participant != nora.You() || line.ID == "" {
		t.Errorf("the line is %+v", line)
	}

	words := h.regions[region].Transcripts
	said := parley.Utterance{
		ID: "0190-u1", Meeting: meeting, Track: "0190-t1", Participant: nora.You(), Start: time.Second,
		End: 3 * time.Second, Audio: "meetings/kfm-tqzw-rbn/utterances/0190-u1.ogg", State: parley.Pending,
	}
	if err := words.AddUtterance(t.Context(), said); err != nil {
		t.Fatal(err)
	}
	growing := said
	growing.Text, growing.Lang, growing.End = "財務部", "zh", 2*time.Second
	h.rooms.Show(growing)
	if c := await[signaling.Caption](t, heard); c.Text != "財務部" || c.Final || c.EndMS != 2000 || c.Utterance != said.ID {
		t.Errorf("the growing caption is %+v", c)
	}
	said.State, said.Text, said.Lang = parley.Recognized, "財務部下週提交預算草案", "zh"
	if err := words.FinishUtterance(t.Context(), said); err != nil {
		t.Fatal(err)
	}
	h.bus.Publish(parley.Event{Kind: parley.EventUtterance, Meeting: meeting, Utterance: said.ID})
	caption := await[signaling.Caption](t, heard)
	if caption.Text != said.Text || caption.StartMS != 1000 || caption.EndMS != 3000 || caption.Participant != nora.You() || !caption.Final {
		t.Errorf("the caption is %+v", caption)
	}

	late := h.join(h.as("Kim", auth.ScopeView)).Joined()
	if len(late.Chat) != 1 || late.Chat[0].ID != line.ID || len(late.Caption) != 1 || late.Caption[0].Text != said.Text {
		t.Errorf("who comes late gets %+v and %+v", late.Chat, late.Caption)
	}
	h.stop()
	if text := h.logs.String(); strings.Contains(text, "draft") || strings.Contains(text, "Nora") {
		t.Errorf("names or words are in the log: %s", text)
	}
}

func TestConsent(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	unasked := h.as("Kim", auth.ScopePublish)
	unasked.Consent = parley.Unasked
	h.wantRefused(unasked, parley.Invalid, "Answer the question")

	declines := h.as("Victor", auth.ScopePublish)
	declines.Consent = parley.Declined
	victor := h.join(declines)
	nora := h.join(h.as("Nora", auth.ScopePublish))
	h.speak(victor)
	poll(t, "Nora sees that Victor speaks", func() bool { return len(nora.Roster()[0].Tracks) == 1 })
	if nora.Status().Recording || nora.Roster()[0].Recorded || !nora.Roster()[1].Recorded {
		t.Errorf("with nobody recorded speaking: %+v, %+v", nora.Status(), nora.Roster())
	}
	h.speak(nora)
	poll(t, "Nora is heard", func() bool { return h.ears.packets(nora.You()) > 3 })
	poll(t, "the recording mark is on", func() bool { return victor.Status().Recording })
	if n := h.ears.packets(victor.You()); n > 0 {
		t.Errorf("%d packets of a participant who declined reached a tap", n)
	}
	nora.Close()
	poll(t, "the recording mark is off", func() bool { return !victor.Status().Recording })
}

func TestSeats(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	shows := h.as("Nora", auth.ScopePublish)
	shows.Sources = append(shows.Sources, parley.Camera)
	nora := h.join(shows)
	var pictures atomic.Int32
	watches := h.as("Victor", auth.ScopeView)
	watches.Sources, watches.Seats = nil, 0
	watches.OnPacket = func(seat client.Seat, p *rtp.Packet) {
		if seat.Kind == parley.Video {
			pictures.Add(1)
		}
	}
	victor := h.join(watches)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := victor.MoreSeats(ctx, 0, 1); err != nil {
		t.Fatal(err)
	}
	h.show(nora)
	var camera parley.TrackID
	poll(t, "Nora's camera is on", func() bool {
		for _, track := range victor.Roster()[0].Tracks {
			if track.Source == parley.Camera {
				camera = track.Track
			}
		}
		return camera != ""
	})
	var seat string
	poll(t, "the new seat is there", func() bool {
		for _, s := range victor.SeatMap() {
			if s.Kind == parley.Video {
				seat = s.MID
			}
		}
		return seat != ""
	})
	request := signaling.SeatRequest{MID: seat, Track: camera, Width: 640, Height: 360}
	if err := victor.Seat(request); err != nil {
		t.Fatal(err)
	}
	poll(t, "Victor sees Nora", func() bool { return pictures.Load() > 3 })
	request.Track = ""
	if err := victor.Seat(request); err != nil {
		t.Fatal(err)
	}
	poll(t, "the seat is empty", func() bool {
		return slices.ContainsFunc(victor.SeatMap(), func(s signaling.SeatState) bool {
			return s.MID == seat && s.Track == ""
		})
	})
}

func TestStatusTellsTrouble(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	nora := h.join(h.as("Nora", auth.ScopePublish))
	h.ears.mu.Lock()
	h.ears.trouble = "The disk is full."
	h.ears.mu.Unlock()
	poll(t, "the page says so", func() bool { return nora.Status().RecordingTrouble == "The disk is full." })
}

func TestComingBack(t *testing.T) {
	t.Parallel()
	t.Run("with the same peer connection, media goes on", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t, nil)
		nora := h.join(h.as("Nora", auth.ScopePublish))
		victor := h.join(h.as("Victor", auth.ScopePublish))
		h.speak(nora)
		poll(t, "Nora speaks", func() bool { return len(victor.Roster()[0].Tracks) == 1 })
		before := victor.Roster()[0]
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		if err := nora.Reconnect(ctx); err != nil {
			t.Fatal(err)
		}
		if joined := nora.Joined(); joined.You != before.ID || len(joined.Roster) != 2 || len(joined.Roster[0].Tracks) != 1 {
			t.Errorf("comes back as %+v", joined)
		}
		heard := h.ears.packets(nora.You())
		poll(t, "the tap still hears her", func() bool { return h.ears.packets(nora.You()) > heard+5 })
		if after := victor.Roster()[0]; after.Tracks[0].Track != before.Tracks[0].Track {
			t.Error("the publication is another one")
		}
	})
	t.Run("after a reload it is the same participant", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t, nil)
		cfg := h.as("Nora", auth.ScopePublish)
		nora := h.join(cfg)
		watch := h.join(h.as("Victor", auth.ScopePublish))
		h.speak(nora)
		poll(t, "Nora speaks", func() bool { return len(watch.Roster()[0].Tracks) == 1 })
		old := watch.Roster()[0].Tracks[0].Track
		cfg.Resume, cfg.Consent = nora.Resume(), parley.Unasked // the answer of before holds
		nora.Close()
		again := h.join(cfg)
		if again.You() != nora.You() {
			t.Errorf("came back as %s, was %s", again.You(), nora.You())
		}
		h.speak(again)
		poll(t, "there is a new publication under the old participant", func() bool {
			tracks := watch.Roster()[0].Tracks
			return len(tracks) == 1 && tracks[0].Track != old
		})
		if people := watch.Roster(); len(people) != 2 || people[0].Number != 1 {
			t.Errorf("the roster is %+v", people)
		}
	})
	t.Run("a second connection takes over", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t, nil)
		cfg := h.as("Nora", auth.ScopePublish)
		first := h.join(cfg)
		cfg.Resume = first.Resume()
		second := h.join(cfg)
		last, err := first.Ended(t.Context())
		if moved, ok := last.(*signaling.Ended); err != nil || !ok || moved.Reason != signaling.ReasonMoved {
			t.Errorf("the first hears %+v, %v", last, err)
		}
		if len(second.Joined().Roster) != 1 || second.You() != first.You() {
			t.Errorf("the second sees %+v", second.Joined().Roster)
		}
	})
	t.Run("a withdrawn consent ends the tap", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t, nil)
		cfg := h.as("Nora", auth.ScopePublish)
		first := h.join(cfg)
		h.speak(first)
		poll(t, "she is heard", func() bool { return h.ears.packets(first.You()) > 0 })
		cfg.Resume, cfg.Consent = first.Resume(), parley.Declined
		second := h.join(cfg)
		heard := h.ears.packets(first.You())
		h.speak(second)
		poll(t, "she speaks again", func() bool { return len(second.Roster()[0].Tracks) == 1 })
		if now := h.ears.packets(first.You()); now != heard || second.Roster()[0].Recorded {
			t.Errorf("%d packets more were tapped; recorded: %v", now-heard, second.Roster()[0].Recorded)
		}
	})
	t.Run("a lost participant goes after the grace", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t, nil)
		nora := h.join(h.as("Nora", auth.ScopePublish))
		victor := h.join(h.as("Victor", auth.ScopePublish))
		nora.Close()
		if len(victor.Roster()) != 2 {
			t.Error("Nora is gone at once")
		}
		poll(t, "Nora is gone", func() bool { return len(victor.Roster()) == 1 })
	})
	t.Run("somebody else's resume value is worth nothing", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t, nil)
		nora := h.join(h.as("Nora", auth.ScopePublish))
		cfg := h.as("Mallory", auth.ScopeView)
		cfg.Resume = nora.Resume()
		if mallory := h.join(cfg); mallory.You() == nora.You() || mallory.Joined().Role != parley.RoleViewer {
			t.Errorf("Mallory is %+v", mallory.Joined())
		}
	})
}

func TestEnd(t *testing.T) {
	t.Parallel()
	t.Run("a host ends it for everybody", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t, nil)
		nora := h.join(h.as("Nora", auth.ScopeHost))
		victor := h.join(h.as("Victor", auth.ScopePublish))
		h.speak(victor)
		poll(t, "Victor is heard", func() bool { return h.ears.packets(victor.You()) > 0 })
		if err := victor.End(t.Context()); parley.KindOf(err) != parley.Forbidden {
			t.Errorf("a member ends the meeting: %v", err)
		}
		if err := nora.End(t.Context()); err != nil {
			t.Fatal(err)
		}
		last, err := victor.Ended(t.Context())
		if end, ok := last.(*signaling.Ended); err != nil || !ok || end.Reason != signaling.ReasonHost || !end.Record {
			t.Errorf("Victor hears %+v, %v", last, err)
		}
		h.ears.wantEnded(t)
		if m := h.meeting(); m.State != parley.Ended || m.Ended.Before(m.Started) {
			t.Errorf("the meeting is %+v", m)
		}
		h.wantRefused(h.as("Kim", auth.ScopePublish), parley.Conflict, "over")
	})
	t.Run("who was away is told on coming back", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t, nil)
		nora := h.join(h.as("Nora", auth.ScopeHost))
		away := h.as("Victor", auth.ScopePublish)
		resume := h.join(away).Resume()
		if err := nora.End(t.Context()); err != nil {
			t.Fatal(err)
		}
		h.ears.wantEnded(t)
		conn := h.dial(away)
		write(t, conn, `{"type":"join","name":"Victor","consent":"granted","resume":"`+resume+`","offer":{"sdp":"v=0","sources":{}}}`)
		if last := next[signaling.Ended](t, conn); last.Reason != signaling.ReasonOver || !last.Record {
			t.Errorf("Victor hears %+v", last)
		}
	})
	t.Run("an empty one ends by itself", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t, func(cfg *signaling.Config) { cfg.EmptyGrace = 200 * time.Millisecond })
		if err := h.join(h.as("Nora", auth.ScopeHost)).Leave(t.Context()); err != nil {
			t.Fatal(err)
		}
		h.ears.wantEnded(t)
		if m := h.meeting(); m.State != parley.Ended {
			t.Errorf("the meeting is %+v", m)
		}
	})
	t.Run("one to which nobody got stays scheduled", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t, func(cfg *signaling.Config) { cfg.EmptyGrace = 50 * time.Millisecond })
		conn := h.dial(h.as("Nora", auth.ScopeHost))
		write(t, conn, `{"type":"join","name":"Nora","consent":"granted","offer":{"sdp":"nonsense","sources":{}}}`)
		if refusal := next[signaling.Error](t, conn); !refusal.Fatal || refusal.Kind != parley.Invalid {
			t.Errorf("the answer is %+v", refusal)
		}
		h.join(h.as("Victor", auth.ScopePublish))
		if m := h.meeting(); m.State != parley.Live {
			t.Errorf("the meeting is %+v", m)
		}
	})
}

func TestRestart(t *testing.T) {
	t.Parallel()
	t.Run("the meeting goes on", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t, nil)
		cfg := h.as("Nora", auth.ScopePublish)
		nora := h.join(cfg)
		started := h.meeting().Started
		h.stop()
		last, err := nora.Ended(t.Context())
		if bye, ok := last.(*signaling.GoingAway); err != nil || !ok || bye.RetryMS <= 0 {
			t.Errorf("Nora hears %+v, %v", last, err)
		}
		h.open()
		victor := h.join(h.as("Victor", auth.ScopePublish))
		cfg.URL, cfg.Resume = h.url, nora.Resume()
		again := h.join(cfg)
		if again.You() != nora.You() || !h.meeting().Started.Equal(started) || h.meeting().State != parley.Live {
			t.Errorf("came back as %s to %+v", again.You(), h.meeting())
		}
		if people := again.Joined().Roster; len(people) != 2 || people[0].Number != 1 || people[1].Number != 2 ||
			people[1].ID != victor.You() {
			t.Errorf("the roster is %+v", people)
		}
		if len(h.ears.ended) > 0 {
			t.Error("the meeting was handed over as ended")
		}
	})
	t.Run("it ends at its last activity when nobody comes back", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t, func(cfg *signaling.Config) { cfg.EmptyGrace = 300 * time.Millisecond })
		h.join(h.as("Nora", auth.ScopePublish))
		h.stop()
		stopped := time.Now()
		h.open()
		h.ears.wantEnded(t)
		if m := h.meeting(); m.State != parley.Ended || m.Ended.After(stopped) || m.Ended.Before(m.Started) {
			t.Errorf("ended %v after the server stopped", m.Ended.Sub(stopped))
		}
	})
}

func TestFaultEndsOneRoom(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	cfg := h.as("Nora", auth.ScopePublish)
	nora := h.join(cfg)
	h.ears.mu.Lock()
	h.ears.fault = true
	h.ears.mu.Unlock()
	last, err := nora.Ended(t.Context())
	if _, ok := last.(*signaling.GoingAway); err != nil || !ok {
		t.Errorf("Nora hears %+v, %v", last, err)
	}
	cfg.Resume = nora.Resume()
	if again := h.join(cfg); again.You() != nora.You() || h.meeting().State != parley.Live {
		t.Errorf("came back as %s to a meeting that is %s", again.You(), h.meeting().State)
	}
}

// await reads messages until one of a type.
func await[M any](t *testing.T, heard <-chan signaling.Message) *M {
	t.Helper()
	deadline := time.After(patience)
	for {
		select {
		case message := <-heard:
			if m, ok := message.(*M); ok {
				return m
			}
		case <-deadline:
			t.Fatalf("no %T came", new(M))
		}
	}
}

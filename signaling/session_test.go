package signaling

import (
	"context"
	"testing"

	"github.com/parley/parley"
)

func TestSlowReaderIsLetGo(t *testing.T) {
	t.Parallel()
	s := newSession(t.Context(), nil, nil, "kfm-tqzw-rbn") // nobody writes what is queued
	for range queueLength {
		s.send(&Bare{Type: TypeMinutes})
	}
	if s.line.Err() != nil {
		t.Fatal("a full queue is no reason yet")
	}
	s.send(&Bare{Type: TypeMinutes})
	parting := partingOf(context.Cause(s.line))
	if last, ok := parting.last.(*Error); !ok || last.Kind != parley.TooSlow || !last.Fatal {
		t.Errorf("the last words are %+v", parting.last)
	}
	if s.ctx.Err() != nil {
		t.Error("the participant lost the place at once")
	}
}

func TestSDPOrigin(t *testing.T) {
	t.Parallel()
	for sdp, want := range map[string]string{
		"v=0\r\no=- 46117 2 IN IP4 127.0.0.1\r\ns=-\r\n": "- 46117",
		"v=0\no=mozilla...THIS 7 0 IN IP4 0.0.0.0\n":     "mozilla...THIS 7",
		"v=0\r\ns=-\r\n": "",
		"o=\r\n":         "",
		"":               "",
	} {
		if got := sdpOrigin(sdp); got != want {
			t.Errorf("of %q it is %q, want %q", sdp, got, want)
		}
	}
}

func TestComeBack(t *testing.T) {
	t.Parallel()
	known := parley.Participant{
		ID: "p1", Number: 3, Name: "Nora", Title: "Finance", Role: parley.RoleMember, Consent: parley.Granted,
	}
	for name, c := range map[string]struct {
		now  parley.Participant
		want func(p *parley.Participant)
	}{
		"saying nothing keeps everything": {parley.Participant{}, func(*parley.Participant) {}},
		"the last answer holds": {
			parley.Participant{Consent: parley.Declined},
			func(p *parley.Participant) { p.Consent = parley.Declined },
		},
		"a new name is taken": {
			parley.Participant{Name: "Nora Lind"},
			func(p *parley.Participant) { p.Name = "Nora Lind" },
		},
		"a host link raises the role": {
			parley.Participant{Role: parley.RoleHost},
			func(p *parley.Participant) { p.Role = parley.RoleHost },
		},
		"a viewer's link does not lower it": {parley.Participant{Role: parley.RoleViewer}, func(*parley.Participant) {}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := known
			c.want(&want)
			if got := comeBack(known, c.now); got.Name != want.Name || got.Consent != want.Consent ||
				got.Role != want.Role || got.ID != want.ID || got.Number != want.Number || got.Title != want.Title {
				t.Errorf("comes back as %+v", got)
			}
		})
	}
}

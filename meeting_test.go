package parley_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/parley/parley"
)

func TestMeetingLocation(t *testing.T) {
	t.Parallel()
	noon := time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
	for zone, want := range map[string]string{
		"Asia/Hong_Kong": "20:00", "+08:00": "20:00", "-03:30": "08:30", "+05:45": "17:45",
		"Europe/Berlin": "14:00", "": "12:00", "Mars/Olympus": "12:00", "+99:99": "12:00",
	} {
		if got := noon.In(parley.Meeting{Zone: zone}.Location()).Format("15:04"); got != want {
			t.Errorf("noon UTC in %q is %s, want %s", zone, got, want)
		}
	}
}

func TestRoles(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		role                parley.Role
		valid, publish, end bool
	}{
		{parley.RoleViewer, true, false, false},
		{parley.RoleMember, true, true, false},
		{parley.RoleHost, true, true, true},
		{"", false, false, false},
		{"owner", false, false, false},
	} {
		if c.role.Valid() != c.valid || c.role.MayPublish() != c.publish || c.role.MayEnd() != c.end {
			t.Errorf("role %q: valid %v, may publish %v, may end %v", c.role,
				c.role.Valid(), c.role.MayPublish(), c.role.MayEnd())
		}
	}
}

func TestErrorKinds(t *testing.T) {
	t.Parallel()
	cause := errors.New("disk on fire")
	err := fmt.Errorf("outer: %w", &parley.Error{
		Op: "put object", Kind: parley.Full, Say: "The disk is full.", Err: cause,
	})
	if !errors.Is(err, parley.Full) || !errors.Is(err, cause) || errors.Is(err, parley.NotFound) {
		t.Error("a wrapped error does not carry its kind and its cause")
	}
	if got := parley.KindOf(err); got != parley.Full {
		t.Errorf("kind is %q", got)
	}
	if got := parley.SayOf(err); got != "The disk is full." {
		t.Errorf("says %q", got)
	}
	if got := parley.SayOf(fmt.Errorf("secret path: %w", cause)); got != "Something went wrong on the server." {
		t.Errorf("an unknown error says %q", got)
	}
	if parley.KindOf(nil) != "" || parley.KindOf(cause) != parley.Internal {
		t.Error("nil has a kind, or an unknown error has none")
	}
	var h parley.Hash
	if h.UnmarshalText([]byte("abc")) == nil || h.UnmarshalText(make([]byte, 64)) == nil {
		t.Error("a malformed hash was accepted")
	}
	if err := h.UnmarshalText([]byte(parley.Hash{1, 2, 3}.String())); err != nil || h != (parley.Hash{1, 2, 3}) {
		t.Errorf("a hash does not survive its text form: %v", err)
	}
}

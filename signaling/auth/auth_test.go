package auth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley/parley"
)

const meeting = parley.MeetingID("kfm-tqzw-rbn")

func TestLinks(t *testing.T) {
	t.Parallel()
	t.Run("a meeting link gives its role in its meeting alone", func(t *testing.T) {
		t.Parallel()
		a := newAuth(t, DefaultConfig())
		caller, err := a.Follow(t.Context(), Caller{}, tokenOf(t, a.MeetingLink(meeting, parley.RoleMember)))
		if err != nil {
			t.Fatal(err)
		}
		wantRole(t, caller, meeting, parley.RoleMember)
		wantRole(t, caller, "other", "")
		if caller.Identity == "" || caller.MayCreate {
			t.Errorf("the guest is %+v", caller)
		}
	})
	t.Run("a host link works once", func(t *testing.T) {
		t.Parallel()
		a := newAuth(t, DefaultConfig())
		link := tokenOf(t, a.HostLink(meeting))
		caller, err := a.Follow(t.Context(), Caller{}, link)
		if err != nil {
			t.Fatal(err)
		}
		wantRole(t, caller, meeting, parley.RoleHost)
		_, err = a.Follow(t.Context(), Caller{}, link)
		wantKind(t, err, parley.Expired)
	})
	t.Run("the start link lets create", func(t *testing.T) {
		t.Parallel()
		a := newAuth(t, DefaultConfig())
		caller, err := a.Follow(t.Context(), Caller{}, tokenOf(t, a.StartLink()))
		if err != nil || !caller.MayCreate {
			t.Errorf("may create: %v, %v", caller.MayCreate, err)
		}
		wantRole(t, caller, meeting, "")
	})
	t.Run("a lower role does not replace a higher one", func(t *testing.T) {
		t.Parallel()
		a := newAuth(t, DefaultConfig())
		caller := Caller{}
		for _, link := range []string{a.HostLink(meeting), a.MeetingLink(meeting, parley.RoleViewer)} {
			var err error
			if caller, err = a.Follow(t.Context(), caller, tokenOf(t, link)); err != nil {
				t.Fatal(err)
			}
		}
		wantRole(t, caller, meeting, parley.RoleHost)
	})
	t.Run("says what to do when it has expired", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			a := newAuth(t, DefaultConfig())
			link := tokenOf(t, a.MeetingLink(meeting, parley.RoleMember))
			caller, err := a.Follow(t.Context(), Caller{}, link)
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(DefaultConfig().LinkLifetime + time.Second) // of the bubble
			wantRole(t, caller, meeting, "")
			_, err = a.Follow(t.Context(), Caller{}, link)
			wantKind(t, err, parley.Expired)
			if !strings.Contains(parley.SayOf(err), "Ask the host") {
				t.Errorf("says %q", parley.SayOf(err))
			}
		})
	})
	t.Run("nothing else is a link", func(t *testing.T) {
		t.Parallel()
		a := newAuth(t, DefaultConfig())
		bearer, err := a.Token(TokenSpec{Meeting: meeting, Scopes: []Scope{ScopeHost}, Lifetime: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		whole := tokenOf(t, a.MeetingLink(meeting, parley.RoleMember))
		other := tokenOf(t, newAuth(t, DefaultConfig()).MeetingLink(meeting, parley.RoleHost))
		for _, link := range []string{"", "x", bearer, whole[:len(whole)-3], other, a.Resume(parley.Participant{ID: "p"})} {
			_, err := a.Follow(t.Context(), Caller{}, link)
			wantKind(t, err, parley.Invalid)
			wantSilent(t, err, link)
		}
	})
}

func TestBearer(t *testing.T) {
	t.Parallel()
	a := newAuth(t, DefaultConfig())
	for _, c := range []struct {
		scopes []Scope
		role   parley.Role
	}{
		{[]Scope{ScopeView}, parley.RoleViewer},
		{[]Scope{ScopePublish, ScopeView}, parley.RoleMember},
		{[]Scope{ScopeView, ScopeHost}, parley.RoleHost},
	} {
		t.Run(fmt.Sprint(c.scopes), func(t *testing.T) {
			t.Parallel()
			token, err := a.Token(TokenSpec{Meeting: meeting, Scopes: c.scopes, Name: "Bot", Lifetime: time.Hour})
			if err != nil {
				t.Fatal(err)
			}
			caller, err := a.Identify(withHeader(t, "Authorization", "Bearer "+token))
			if err != nil || caller.Name != "Bot" || caller.MayCreate {
				t.Errorf("the caller is %+v, %v", caller, err)
			}
			wantRole(t, caller, meeting, c.role)
			wantRole(t, caller, "other", "")
		})
	}
	t.Run("without a meeting it is good for all", func(t *testing.T) {
		t.Parallel()
		token, err := a.Token(TokenSpec{Scopes: []Scope{ScopeHost}, Lifetime: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		caller, err := a.Bearer(token)
		if err != nil || !caller.MayCreate {
			t.Errorf("may create: %v, %v", caller.MayCreate, err)
		}
		wantRole(t, caller, "any", parley.RoleHost)
	})
	t.Run("a bad one is refused and not repeated", func(t *testing.T) {
		t.Parallel()
		for _, header := range []string{"Bearer secret.secret.secret", "Bearer secret", "Basic secret", "Bearer "} {
			_, err := a.Identify(withHeader(t, "Authorization", header))
			wantKind(t, err, parley.Unauthorized)
			wantSilent(t, err, "secret")
		}
	})
	t.Run("an unsigned one is refused", func(t *testing.T) {
		t.Parallel()
		// {"alg":"none"} {"iss":"parley","aud":["bearer"],"exp":9999999999,"scope":"host"}
		_, err := a.Bearer("eyJhbGciOiJub25lIn0.eyJpc3MiOiJwYXJsZXkiLCJhdWQiOlsiYmVhcmVyIl0sImV4cCI6OTk5OTk5OTk5OSwic2NvcGUiOiJob3N0In0.")
		wantKind(t, err, parley.Unauthorized)
	})
	t.Run("needs scopes that exist", func(t *testing.T) {
		t.Parallel()
		for _, scopes := range [][]Scope{nil, {"admin"}} {
			_, err := a.Token(TokenSpec{Scopes: scopes, Lifetime: time.Hour})
			wantKind(t, err, parley.Invalid)
		}
		scopes, err := ParseScopes([]string{"publish", " view"})
		if err != nil || !slices.Equal(scopes, []Scope{ScopePublish, ScopeView}) {
			t.Errorf("read as %v, %v", scopes, err)
		}
		_, err = ParseScopes([]string{"publish,view"})
		wantKind(t, err, parley.Invalid)
	})
}

func TestCookie(t *testing.T) {
	t.Parallel()
	a := newAuth(t, DefaultConfig())
	t.Run("brings back who, what and where", func(t *testing.T) {
		t.Parallel()
		caller, err := a.Follow(t.Context(), Caller{}, tokenOf(t, a.HostLink(meeting)))
		if err != nil {
			t.Fatal(err)
		}
		cookie, welcomed := welcome(t, a, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", nil), caller, "陳大文")
		back, err := a.Identify(withHeader(t, "Cookie", cookie.Name+"="+cookie.Value))
		if err != nil || back.Identity != welcomed.Identity || back.Name != "陳大文" {
			t.Errorf("comes back as %+v, %v", back, err)
		}
		wantRole(t, back, meeting, parley.RoleHost)
		if !cookie.HttpOnly || cookie.SameSite != http.SameSiteLaxMode || cookie.Secure {
			t.Errorf("the cookie is %v", cookie)
		}
	})
	t.Run("is secure over https", func(t *testing.T) {
		t.Parallel()
		secure, err := New(DefaultConfig(), NewKey(), "https://meet.example.org", nil)
		if err != nil {
			t.Fatal(err)
		}
		request := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", nil)
		if cookie, _ := welcome(t, secure, request, Caller{}, "x"); !cookie.Secure {
			t.Error("it is not")
		}
	})
	t.Run("stays below what browsers keep", func(t *testing.T) {
		t.Parallel()
		caller := Caller{}
		for i := range 3 * maxGrants {
			id := parley.MeetingID(fmt.Sprintf("abc-defg-%03d", i))
			var err error
			if caller, err = a.Follow(t.Context(), caller, tokenOf(t, a.MeetingLink(id, parley.RoleMember))); err != nil {
				t.Fatal(err)
			}
		}
		request := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", nil)
		cookie, _ := welcome(t, a, request, caller, strings.Repeat("字", 80))
		if len(cookie.String()) > 4096 {
			t.Errorf("it has %d bytes", len(cookie.String()))
		}
		wantRole(t, caller, "abc-defg-071", parley.RoleMember)
		wantRole(t, caller, "abc-defg-000", "")
	})
	t.Run("a bad one is nobody", func(t *testing.T) {
		t.Parallel()
		caller, err := a.Identify(withHeader(t, "Cookie", CookieName+"=nonsense"))
		if err != nil || caller.Identity != "" {
			t.Errorf("is %+v, %v", caller, err)
		}
	})
}

func TestResume(t *testing.T) {
	t.Parallel()
	a := newAuth(t, DefaultConfig())
	mei := Caller{Identity: "guest-mei"}
	resume := a.Resume(parley.Participant{ID: "p1", Meeting: meeting, Identity: mei.Identity})
	for name, c := range map[string]struct {
		caller  Caller
		meeting parley.MeetingID
		resume  string
		want    parley.ParticipantID
	}{
		"comes back":                      {mei, meeting, resume, "p1"},
		"not as somebody else":            {Caller{Identity: "guest-x"}, meeting, resume, ""},
		"not as nobody":                   {Caller{}, meeting, resume, ""},
		"not in another meeting":          {mei, "other", resume, ""},
		"not with something else":         {mei, meeting, "nonsense", ""},
		"not with another kind of token":  {mei, meeting, tokenOf(t, a.HostLink(meeting)), ""},
		"not with nothing, but no matter": {mei, meeting, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := a.Resumed(c.caller, c.meeting, c.resume); got != c.want {
				t.Errorf("resumes %q, want %q", got, c.want)
			}
		})
	}
}

func TestMayCreate(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		policy     Policy
		peer, host string
		header     string
		caller     Caller
		want       bool
	}{
		"this machine by name":               {Local, "127.0.0.1:5000", "localhost:8080", "", Caller{}, true},
		"this machine by address":            {Local, "[::1]:5000", "[::1]:8080", "", Caller{}, true},
		"this machine, mapped address":       {Local, "[::ffff:127.0.0.1]:5000", "127.0.0.1", "", Caller{}, true},
		"another machine":                    {Local, "192.0.2.1:5000", "localhost:8080", "", Caller{}, false},
		"a rebound name":                     {Local, "127.0.0.1:5000", "evil.example:8080", "", Caller{}, false},
		"a name that begins like localhost":  {Local, "127.0.0.1:5000", "localhost.evil.example", "", Caller{}, false},
		"no Host":                            {Local, "127.0.0.1:5000", "", "", Caller{}, false},
		"behind a proxy (X-Forwarded-For)":   {Local, "127.0.0.1:5000", "localhost", "X-Forwarded-For", Caller{}, false},
		"behind a proxy (X-Forwarded-Proto)": {Local, "127.0.0.1:5000", "localhost", "X-Forwarded-Proto", Caller{}, false},
		"behind a proxy (Forwarded)":         {Local, "127.0.0.1:5000", "localhost", "Forwarded", Caller{}, false},
		"elsewhere with a cookie that may":   {Local, "192.0.2.1:5000", "meet.example", "", Caller{MayCreate: true}, true},
		"anyone":                             {Anyone, "192.0.2.1:5000", "meet.example", "", Caller{}, true},
		"token, from this machine":           {Tokens, "127.0.0.1:5000", "localhost", "", Caller{}, false},
		"token, with one":                    {Tokens, "192.0.2.1:5000", "meet.example", "", Caller{MayCreate: true}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := DefaultConfig()
			cfg.Create = c.policy
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", nil)
			r.RemoteAddr, r.Host = c.peer, c.host
			if c.header != "" {
				r.Header.Set(c.header, "for=192.0.2.60")
			}
			if got := newAuth(t, cfg).MayCreate(r, c.caller); got != c.want {
				t.Errorf("got %v", got)
			}
		})
	}
}

func TestSameOrigin(t *testing.T) {
	t.Parallel()
	a, err := New(DefaultConfig(), NewKey(), "https://meet.example.org", nil)
	if err != nil {
		t.Fatal(err)
	}
	for origin, want := range map[string]bool{
		"":                              true,
		"http://localhost:8080":         true,
		"https://meet.example.org":      true,
		"http://meet.example.org":       false,
		"https://evil.example":          false,
		"http://localhost:8081":         false,
		"https://meet.example.org.evil": false,
		"null":                          false,
		"%":                             false,
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		r.Host = "localhost:8080"
		if origin != "" {
			r.Header.Set("Origin", origin)
		}
		if got := a.SameOrigin(r); got != want {
			t.Errorf("origin %q: %v", origin, got)
		}
	}
}

func TestKeyFile(t *testing.T) {
	t.Parallel()
	t.Run("is made once and read again", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "keys", "auth.key")
		var wg sync.WaitGroup
		keys := make([]Key, 4)
		for i := range keys {
			wg.Go(func() { keys[i], _ = OpenKey(path) })
		}
		wg.Wait()
		for _, key := range keys {
			if key == (Key{}) || key != keys[0] {
				t.Fatal("the keys differ, or there is none")
			}
		}
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("mode %v, %v", info.Mode(), err)
		}
	})
	t.Run("a damaged one is named and not shown", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "auth.key")
		if err := os.WriteFile(path, []byte("secret"), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := OpenKey(path)
		wantKind(t, err, parley.Invalid)
		wantSilent(t, err, "secret")
		if !strings.Contains(err.Error(), path) {
			t.Errorf("does not name the file: %v", err)
		}
	})
	t.Run("does not print itself", func(t *testing.T) {
		t.Parallel()
		key := Key{0xab, 0xcd}
		for _, verb := range []string{"%v", "%s", "%+v", "%#v"} {
			if text := fmt.Sprintf(verb, key); strings.Contains(text, "171") || strings.Contains(text, "ab") {
				t.Errorf("%s prints %s", verb, text)
			}
		}
	})
}

func TestConfig(t *testing.T) {
	t.Parallel()
	if err := DefaultConfig().Validate(); err != nil {
		t.Error(err)
	}
	err := Config{Create: "all"}.Validate()
	for _, key := range []string{"create", "link_lifetime", "cookie_lifetime"} {
		if err == nil || !strings.Contains(err.Error(), key) {
			t.Errorf("does not name %s: %v", key, err)
		}
	}
}

// FuzzToken: no text but one that was signed is ever accepted, and none breaks the parser.
func FuzzToken(f *testing.F) {
	a := newAuth(f, DefaultConfig())
	signed := a.MeetingLink(meeting, parley.RoleHost)
	_, signed, _ = strings.Cut(signed, "?k=")
	f.Add(signed)
	f.Add(signed + "x")
	f.Add("..")
	f.Add("eyJhbGciOiJub25lIn0.e30.")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := a.parse(text, useLink, useBearer, useCookie, useResume, useOneTime)
		if err == nil && c.Meeting != meeting {
			t.Fatalf("accepted %q", text)
		}
		if err != nil && len(text) > 8 && strings.Contains(err.Error(), text) {
			t.Fatalf("the error repeats the token: %v", err)
		}
	})
}

// spent is a parley.Directory that only spends.
type spent struct {
	parley.Directory

	mu    sync.Mutex
	codes map[string]bool
}

func (s *spent) Spend(_ context.Context, code string, _ time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if code == "" {
		return errors.New("no code")
	}
	if s.codes[code] {
		return parley.Expired
	}
	s.codes[code] = true
	return nil
}

func newAuth(t testing.TB, cfg Config) *Auth {
	t.Helper()
	a, err := New(cfg, NewKey(), "http://localhost:8080", &spent{codes: map[string]bool{}})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func tokenOf(t *testing.T, link string) string {
	t.Helper()
	_, token, ok := strings.Cut(link, "=")
	if !ok || !strings.HasPrefix(link, "/") {
		t.Fatalf("not a link: %q", link)
	}
	return token
}

func welcome(t *testing.T, a *Auth, r *http.Request, caller Caller, name string) (*http.Cookie, Caller) {
	t.Helper()
	recorder := httptest.NewRecorder()
	caller = a.Welcome(recorder, r, caller, name)
	response := recorder.Result()
	defer response.Body.Close()
	return response.Cookies()[0], caller
}

func withHeader(t *testing.T, name, value string) *http.Request {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
	r.Header.Set(name, value)
	return r
}

func wantRole(t *testing.T, caller Caller, id parley.MeetingID, want parley.Role) {
	t.Helper()
	if got := caller.RoleIn(parley.Meeting{ID: id}); got != want {
		t.Errorf("the role in %s is %q, want %q", id, got, want)
	}
}

func wantKind(t *testing.T, err error, want parley.Kind) {
	t.Helper()
	if got := parley.KindOf(err); got != want {
		t.Errorf("got %s (%v), want %s", got, err, want)
	}
}

// wantSilent requires that an error repeats nothing of a secret.
func wantSilent(t *testing.T, err error, secret string) {
	t.Helper()
	if err != nil && len(secret) > 4 && strings.Contains(err.Error(), secret) {
		t.Errorf("the error repeats %q: %v", secret, err)
	}
}

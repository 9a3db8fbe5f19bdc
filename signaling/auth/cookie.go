package auth

import (
	"crypto/subtle"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/parley/parley"
)

// CookieName is the name of the cookie that a browser is known by.
const CookieName = "parley"

// maxGrants bounds the meetings a cookie remembers, newest first kept: 24 grants are about 1.7 kB of
// the 4 kB that browsers keep of a cookie.
const maxGrants = 24

// Caller is whoever sent a request, as far as a signature proves. The zero Caller is nobody.
type Caller struct {
	Identity  parley.Identity
	Name      string
	MayCreate bool // whatever the policy says of others

	everywhere parley.Role // a bearer token's role in every meeting, or ""
	grants     []grant     // oldest first
}

// grant is a role in one meeting until a time; its JSON is short because it rests in cookies.
type grant struct {
	Meeting parley.MeetingID `json:"m"`
	Role    parley.Role      `json:"r"`
	Until   int64            `json:"x"` // seconds since 1970
}

// named gives a caller a name, and an identity when there was none.
func (c Caller) named(name string) Caller {
	if c.Identity == "" {
		c.Identity = parley.Identity("guest-" + uuid.NewString())
	}
	c.Name = name
	return c
}

// addGrant returns the grants with g last. A higher role that is there already stays.
func addGrant(grants []grant, g grant) []grant {
	grants = slices.Clone(grants)
	for i, old := range grants {
		if old.Meeting != g.Meeting {
			continue
		}
		if rank(old.Role) > rank(g.Role) && old.Until > time.Now().Unix() {
			g = old
		}
		grants = slices.Delete(grants, i, i+1)
		break
	}
	grants = append(grants, g)
	return grants[max(0, len(grants)-maxGrants):]
}

// Identify finds out who sent a request: by its bearer token, else by its cookie. A bad token is an
// error (Unauthorized, Expired); a bad or missing cookie makes the caller nobody.
func (a *Auth) Identify(r *http.Request) (Caller, error) {
	if header := r.Header.Get("Authorization"); header != "" {
		scheme, token, _ := strings.Cut(header, " ")
		if !strings.EqualFold(scheme, "Bearer") { // RFC 9110 §11.1
			return Caller{}, tokenError(parley.Unauthorized, "Send the token as Authorization: Bearer.")
		}
		return a.Bearer(strings.TrimSpace(token))
	}
	cookie, err := r.Cookie(CookieName)
	if err != nil {
		return Caller{}, nil //nolint:nilerr // no cookie: nobody
	}
	c, err := a.parse(cookie.Value, useCookie)
	if err != nil {
		return Caller{}, nil //nolint:nilerr // of another key, or too old: nobody
	}
	return Caller{
		Identity: parley.Identity(c.Subject), Name: c.Name, MayCreate: c.MayCreate, grants: c.Grants,
	}, nil
}

// Bearer reads a bearer token. Errors are Unauthorized or Expired.
func (a *Auth) Bearer(token string) (Caller, error) {
	if a.cfg.Token != "" && subtle.ConstantTimeCompare([]byte(token), []byte(a.cfg.Token)) == 1 {
		return Caller{Identity: "program-fixed", MayCreate: true, everywhere: parley.RoleHost}, nil
	}
	c, err := a.parse(token, useBearer)
	if err != nil {
		return Caller{}, err
	}
	caller := Caller{Identity: parley.Identity(c.Subject), Name: c.Name}
	role := roleOfScopes(strings.Fields(c.Scope))
	if c.Meeting == "" {
		caller.everywhere = role
		caller.MayCreate = role == parley.RoleHost
		return caller, nil
	}
	caller.grants = []grant{{c.Meeting, role, c.ExpiresAt.Unix()}}
	return caller, nil
}

// roleOfScopes is the most that any of the scopes allows.
func roleOfScopes(scopes []string) parley.Role {
	var role parley.Role
	for _, scope := range scopes {
		one := map[Scope]parley.Role{
			ScopeView: parley.RoleViewer, ScopePublish: parley.RoleMember, ScopeHost: parley.RoleHost,
		}[Scope(scope)]
		if rank(one) > rank(role) {
			role = one
		}
	}
	return role
}

// Welcome gives a caller a name and the cookie that tells them again, and returns them as they now
// are. An empty name keeps the old one.
func (a *Auth) Welcome(w http.ResponseWriter, r *http.Request, caller Caller, name string) Caller {
	if name == "" {
		name = caller.Name
	}
	caller = caller.named(name)
	c := claims{Name: caller.Name, MayCreate: caller.MayCreate, Grants: caller.grants}
	c.Subject = string(caller.Identity)
	http.SetCookie(w, &http.Cookie{ //nolint:gosec // Secure would lose the cookie over plain HTTP
		Name: CookieName, Value: a.sign(useCookie, a.cfg.CookieLifetime, c), Path: "/",
		MaxAge: int(a.cfg.CookieLifetime / time.Second), HttpOnly: true,
		Secure: r.TLS != nil || a.base.Scheme == "https", SameSite: http.SameSiteLaxMode,
	})
	return caller
}

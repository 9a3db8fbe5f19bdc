package auth

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"

	"github.com/parley/parley"
)

// use is the audience of a signature: what it can be shown for.
type use string

const (
	useCookie  use = "cookie"
	useLink    use = "link"   // an invitation: a role in a meeting
	useOneTime use = "host"   // host of a meeting, or of this server; once
	useBearer  use = "bearer" // a program
	useResume  use = "resume" // a participant comes back
)

const issuer = "parley"

// Lifetimes that nobody has asked to configure.
const (
	// A one-time link printed at start or shown once in an answer is used at once, or not at all.
	oneTimeLifetime = 24 * time.Hour
	// A laptop that slept overnight comes back as the same participant.
	resumeLifetime = 24 * time.Hour
)

// claims is everything that is ever signed (RFC 7519 §4); each use fills some of it.
type claims struct {
	jwt.RegisteredClaims

	Name        string               `json:"name,omitempty"`
	MayCreate   bool                 `json:"org,omitempty"`
	Grants      []grant              `json:"grants,omitempty"`
	Meeting     parley.MeetingID     `json:"meeting,omitempty"`
	Role        parley.Role          `json:"role,omitempty"`
	Scope       string               `json:"scope,omitempty"` // space-separated: RFC 8693 §4.2
	Participant parley.ParticipantID `json:"participant,omitempty"`
}

// Scope is what a bearer token is good for in its meeting.
type Scope string

// The scopes. Host includes Publish, and Publish includes View. Host without a meeting also creates.
const (
	ScopePublish Scope = "publish"
	ScopeView    Scope = "view"
	ScopeHost    Scope = "host"
)

func (s Scope) check() error {
	if slices.Contains([]Scope{ScopePublish, ScopeView, ScopeHost}, s) {
		return nil
	}
	return tokenError(parley.Invalid, fmt.Sprintf("the scope %q does not exist: use publish, view or host", s))
}

// ParseScopes reads what somebody typed. A scope that does not exist is Invalid, and named.
func ParseScopes(texts []string) ([]Scope, error) {
	var scopes []Scope
	for _, text := range texts {
		scope := Scope(strings.TrimSpace(text))
		if err := scope.check(); err != nil {
			return nil, err
		}
		scopes = append(scopes, scope)
	}
	return scopes, nil
}

// TokenSpec describes a bearer token.
type TokenSpec struct {
	Meeting  parley.MeetingID // empty: every meeting
	Scopes   []Scope          // at least one
	Name     string           // who it speaks for; may be empty
	Lifetime time.Duration
}

// Token makes a bearer token with an identity of its own. A scope that does not exist, or none, is
// Invalid.
func (a *Auth) Token(spec TokenSpec) (string, error) {
	if len(spec.Scopes) == 0 || spec.Lifetime <= 0 {
		return "", tokenError(parley.Invalid, "a token needs a scope and a lifetime")
	}
	var scopes []string
	for _, scope := range spec.Scopes {
		if err := scope.check(); err != nil {
			return "", err
		}
		scopes = append(scopes, string(scope))
	}
	c := claims{Name: spec.Name, Meeting: spec.Meeting, Scope: strings.Join(scopes, " ")}
	c.Subject = "program-" + uuid.NewString()
	return a.sign(useBearer, spec.Lifetime, c), nil
}

// MeetingLink is the path of an invitation to a meeting, for as long as Config.LinkLifetime says.
func (a *Auth) MeetingLink(id parley.MeetingID, role parley.Role) string {
	token := a.sign(useLink, a.cfg.LinkLifetime, claims{Meeting: id, Role: role})
	return "/j/" + url.PathEscape(string(id)) + "?k=" + token
}

// HostLink is the path that makes whoever opens it first, within a day, a host of a meeting.
func (a *Auth) HostLink(id parley.MeetingID) string {
	return "/j/" + url.PathEscape(string(id)) + "?host=" + a.oneTime(claims{Meeting: id})
}

// StartLink is the path that lets whoever opens it first, within a day, create meetings here.
func (a *Auth) StartLink() string {
	return "/?host=" + a.oneTime(claims{MayCreate: true})
}

func (a *Auth) oneTime(c claims) string {
	c.ID = uuid.NewString()
	return a.sign(useOneTime, oneTimeLifetime, c)
}

// Follow adds to a caller what a link gives: the text after ?k= or ?host=. A caller without identity
// gets one. A one-time link is spent. Errors are Invalid or Expired, and say what to do.
func (a *Auth) Follow(ctx context.Context, caller Caller, link string) (Caller, error) {
	c, err := a.parse(link, useLink, useOneTime)
	if err != nil {
		return Caller{}, linkError(err)
	}
	role := c.Role
	if c.Audience[0] == string(useOneTime) {
		if err := a.spend(ctx, c); err != nil {
			return Caller{}, err
		}
		role = parley.RoleHost
	}
	caller = caller.named(caller.Name)
	caller.MayCreate = caller.MayCreate || c.MayCreate
	if c.Meeting != "" && role.Valid() {
		caller.grants = addGrant(caller.grants, grant{c.Meeting, role, c.ExpiresAt.Unix()})
	}
	return caller, nil
}

func (a *Auth) spend(ctx context.Context, c claims) error {
	switch err := a.directory.Spend(ctx, c.ID, c.ExpiresAt.Time); {
	case errors.Is(err, parley.Expired):
		return tokenError(parley.Expired,
			"This link works once and has been used. Ask the host for the meeting's link.")
	case err != nil:
		return fmt.Errorf("spend one-time link: %w", err)
	}
	return nil
}

// linkError says about links what parse says about tokens.
func linkError(err error) error {
	if errors.Is(err, parley.Expired) {
		return tokenError(parley.Expired, "This link has expired. Ask the host for a new one.")
	}
	return tokenError(parley.Invalid,
		"This link is not complete. Copy the whole of it, or ask the host for a new one.")
}

// Resume makes the text with which a participant comes back; only the same identity can use it.
func (a *Auth) Resume(p parley.Participant) string {
	c := claims{Meeting: p.Meeting, Participant: p.ID}
	c.Subject = string(p.Identity)
	return a.sign(useResume, resumeLifetime, c)
}

// Resumed reads such a text: the participant it names, or "" when it is not good for this caller in
// this meeting (any more): then they join anew.
func (a *Auth) Resumed(caller Caller, id parley.MeetingID, resume string) parley.ParticipantID {
	c, err := a.parse(resume, useResume)
	if err != nil || c.Meeting != id || caller.Identity == "" || c.Subject != string(caller.Identity) {
		return ""
	}
	return c.Participant
}

// sign makes a compact JWS (RFC 7515 §3.1).
func (a *Auth) sign(u use, lifetime time.Duration, c claims) string {
	now := time.Now()
	c.Issuer = issuer
	c.Audience = jwt.ClaimStrings{string(u)}
	c.IssuedAt = jwt.NewNumericDate(now)
	c.ExpiresAt = jwt.NewNumericDate(now.Add(lifetime))
	text, err := jwt.NewWithClaims(jwt.SigningMethodHS256, c).SignedString(a.key[:])
	if err != nil {
		panic("auth: claims that cannot be encoded: " + err.Error()) // they are texts and numbers
	}
	return text
}

// parse checks signature, use and time. Errors are Unauthorized or Expired, and hold no part of text:
// the library's own would repeat what it could not decode.
func (a *Auth) parse(text string, uses ...use) (claims, error) {
	var audience []string
	for _, u := range uses {
		audience = append(audience, string(u))
	}
	var c claims
	_, err := jwt.ParseWithClaims(text, &c,
		func(*jwt.Token) (any, error) { return a.key[:], nil },
		jwt.WithValidMethods([]string{jwt.SigningMethodHS256.Alg()}),
		jwt.WithIssuer(issuer), jwt.WithAudience(audience...), jwt.WithExpirationRequired())
	switch {
	case errors.Is(err, jwt.ErrTokenExpired):
		return claims{}, tokenError(parley.Expired, "The token has expired. Make a new one.")
	case err != nil || len(c.Audience) != 1:
		return claims{}, tokenError(parley.Unauthorized, "The token is not one of this server's.")
	}
	return c, nil
}

func tokenError(kind parley.Kind, say string) error {
	return &parley.Error{Op: "check token", Kind: kind, Say: say}
}

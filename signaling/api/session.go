package api

import (
	"net/http"

	"github.com/parley/parley"
)

type sessionView struct {
	Identity  parley.Identity `json:"identity"` // "" before the first POST
	Name      string          `json:"name"`
	MayCreate bool            `json:"may_create"`
	Regions   []parley.Region `json:"regions"`
	Words     wordsView       `json:"words"`
}

// showSession tells a page who is looking at it.
func (s *server) showSession(w http.ResponseWriter, r *http.Request) error {
	caller, err := s.Auth.Identify(r)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, sessionView{
		Identity: caller.Identity, Name: caller.Name, MayCreate: s.Auth.MayCreate(r, caller),
		Regions: s.Order, Words: s.words(),
	})
}

// openSession gives a browser its cookie, a name, and what its link allows.
func (s *server) openSession(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		Link string `json:"link"`
		Name string `json:"name"`
	}
	if err := readBody(w, r, &body); err != nil {
		return err
	}
	name, err := cleanLine("name", body.Name)
	if err != nil {
		return err
	}
	if r.Header.Get("Authorization") != "" {
		// A cookie would outlive the token that it was made from.
		return invalid("A token needs no session: send it with each request.")
	}
	caller, err := s.Auth.Identify(r)
	if err != nil {
		return err
	}
	if body.Link != "" {
		if caller, err = s.Auth.Follow(r.Context(), caller, body.Link); err != nil {
			return err
		}
	}
	caller = s.Auth.Welcome(w, r, caller, name)
	return writeJSON(w, http.StatusOK, struct {
		Identity  parley.Identity `json:"identity"`
		Name      string          `json:"name"`
		MayCreate bool            `json:"may_create"`
	}{caller.Identity, caller.Name, s.Auth.MayCreate(r, caller)})
}

func (s *server) words() wordsView {
	ok, missing := s.Words()
	return wordsView{OK: ok, Missing: missing}
}

package main

import (
	"errors"
	"io/fs"
	"net/http"
	"strings"

	"github.com/parley/parley/signaling/api"
	"github.com/parley/parley/transcribe/dispatch"
	"github.com/parley/parley/web"
)

// contentPolicy lets a page load from this server alone. Styles set by scripts go through the CSSOM,
// which it does not concern.
const contentPolicy = "default-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; " +
	"connect-src 'self' ws: wss:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

// publicHandler is what browsers see: the interface under /api/, the web app everywhere else.
func (s *server) publicHandler() http.Handler {
	deps := api.Deps{
		Auth: s.auth, Regions: s.regions, Directory: s.home, Rooms: s.rooms,
		Words: s.transcriber.Words, Speech: s.transcriber, Files: &files{s, make(chan struct{}, 1)},
		ICEServers: s.iceServers, Log: s.log.Named("api"), Extractor: s.extractor, BaseURL: s.baseURL,
	}
	for _, region := range s.cfg.Regions {
		deps.Order = append(deps.Order, region.Name)
	}
	mux := http.NewServeMux()
	mux.Handle("/api/", api.New(deps))
	if s.dispatch != nil {
		mux.Handle(dispatch.Path, s.dispatch)
		mux.Handle(dispatch.Path+"/", s.dispatch)
	}
	programs := s.withICEServers(s.rooms.WHIP())
	mux.Handle("/whip/", programs)
	mux.Handle("/whep/", programs)
	mux.Handle("/", pages(web.Files()))
	return mux
}

// pages serves the web app: files by their name, and its one page for every address it may have
// itself. Files under assets/ have their hash in their name and never change.
func pages(files fs.FS) http.Handler {
	server := http.FileServerFS(files)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("Content-Security-Policy", contentPolicy)
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("Referrer-Policy", "no-referrer") // links carry keys
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			http.Error(w, "only GET", http.StatusMethodNotAllowed)
			return
		}
		name := strings.TrimPrefix(r.URL.Path, "/")
		info, err := fs.Stat(files, name)
		switch {
		case name != "" && name != "index.html" && err == nil && !info.IsDir():
			if strings.HasPrefix(name, "assets/") {
				header.Set("Cache-Control", "public, max-age=31536000, immutable")
			}
			server.ServeHTTP(w, r)
		case strings.HasPrefix(name, "assets/"):
			http.NotFound(w, r)
		default:
			header.Set("Cache-Control", "no-cache")
			servePage(w, r, files)
		}
	})
}

func servePage(w http.ResponseWriter, r *http.Request, files fs.FS) {
	if _, err := fs.Stat(files, "index.html"); errors.Is(err, fs.ErrNotExist) {
		http.Error(w, "The web app is not in this binary: build it with `make build`.", http.StatusNotImplemented)
		return
	}
	http.ServeFileFS(w, r, files, "index.html")
}

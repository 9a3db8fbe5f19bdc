package bus

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"github.com/parley/parley"
)

const (
	// leaseTime is how long a claimed job may stay silent before somebody else gets it.
	leaseTime = 30 * time.Second
	// duplicateWindow is how long a job's ID is remembered: longer than the sweeper's interval, so
	// that a due row submitted again while its job waits does not become two.
	duplicateWindow = 2 * time.Minute
	// startTimeout bounds opening the store; reading 100,000 queued jobs takes half a second.
	startTimeout = 30 * time.Second
	// claimWait is how long one request for a job waits at the server before it is asked again.
	claimWait = 5 * time.Second
	// storeTimeout bounds one exchange with the store.
	storeTimeout = 10 * time.Second
)

// Config says where queued work rests, and who else may reach it.
type Config struct {
	// Directory belongs to the bus alone; it is made if need be.
	Directory string
	// Listen is host:port for workers of other processes; "" lets nobody in.
	Listen string
	// Token is what they show; it must be set where Listen is.
	Token string
}

// Bus is a message server in this process, or a connection to one elsewhere. It is safe for concurrent
// use.
type Bus struct {
	log    *zap.Logger
	origin string         // of events published here
	server *server.Server // nil when it is elsewhere
	conn   *nats.Conn
	stream jetstream.JetStream

	mu        sync.Mutex                        // guards all below
	consumers map[string]jetstream.Consumer     // by subject
	numbers   map[parley.MeetingID]*eventNumber // of events published here
}

var (
	_ parley.Jobs   = (*Bus)(nil)
	_ parley.Events = (*Bus)(nil)
)

// Open starts the server with its store in cfg.Directory. The caller closes it. An error names the
// directory.
func Open(cfg Config, log *zap.Logger) (*Bus, error) {
	if cfg.Listen != "" && cfg.Token == "" {
		return nil, &parley.Error{Op: "open bus", Kind: parley.Invalid, Say: "a bus that listens needs a token"}
	}
	b := newBus(log)
	if err := b.open(cfg); err != nil {
		return nil, &parley.Error{
			Op: "open bus", Kind: parley.Unavailable, Err: errors.Join(err, b.Close()),
			Say: "cannot use the directory " + cfg.Directory + "; let this user write to it, and run one server on it",
		}
	}
	return b, nil
}

func newBus(log *zap.Logger) *Bus {
	return &Bus{
		log: log, origin: rand.Text(),
		consumers: map[string]jetstream.Consumer{}, numbers: map[parley.MeetingID]*eventNumber{},
	}
}

// Connect reaches a bus of another process, or a NATS server with JetStream, at url. The caller closes
// it; the connection is made again whenever it breaks. Unavailable when nobody answers there at first.
func Connect(url, token string, log *zap.Logger) (*Bus, error) {
	b := newBus(log)
	fail := func(err error) (*Bus, error) {
		return nil, &parley.Error{
			Op: "connect to bus", Kind: parley.Unavailable, Err: errors.Join(err, b.Close()),
			Say: "the bus does not answer; is the server running, with bus.listen set, and is the token its own?",
		}
	}
	var err error
	b.conn, err = nats.Connect(url, nats.Token(token), nats.MaxReconnects(-1), nats.Name("parley"))
	if err != nil {
		return fail(err)
	}
	if err := b.openStream(); err != nil {
		return fail(err)
	}
	return b, nil
}

func (b *Bus) open(cfg Config) error {
	if err := os.MkdirAll(cfg.Directory, 0o700); err != nil {
		return err // the server would wait for it until startTimeout
	}
	options := &server.Options{
		ServerName: "parley", DontListen: true, NoSigs: true, NoLog: true,
		JetStream: true, StoreDir: cfg.Directory,
		// Every acknowledged job is on the disk: the default syncs every two minutes.
		SyncAlways: true,
	}
	if cfg.Listen != "" {
		if err := listenOn(options, cfg); err != nil {
			return err
		}
	}
	var err error
	b.server, err = server.NewServer(options)
	if err != nil {
		return err
	}
	go b.server.Start() // returns once it runs; ended by Shutdown in Close
	if !b.server.ReadyForConnections(startTimeout) {
		return errors.New("the message server did not start")
	}
	if !b.server.JetStreamEnabled() {
		return errors.New("the job store cannot be written")
	}
	if b.conn, err = nats.Connect("", nats.InProcessServer(b.server), nats.Token(cfg.Token)); err != nil {
		return err
	}
	return b.openStream()
}

// listenOn opens the server to other processes that have the token.
func listenOn(o *server.Options, cfg Config) error {
	host, port, err := net.SplitHostPort(cfg.Listen)
	if err != nil {
		return err
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		return err
	}
	if number == 0 {
		number = server.RANDOM_PORT
	}
	o.DontListen, o.Host, o.Port, o.Authorization = false, host, number, cfg.Token
	return nil
}

// URL is where other processes reach a bus that listens; "" for one that does not.
func (b *Bus) URL() string {
	if b.server == nil || b.server.Addr() == nil {
		return ""
	}
	return "nats://" + b.server.Addr().String()
}

// openStream makes the queue, where it is not there yet.
func (b *Bus) openStream() error {
	var err error
	if b.stream, err = jetstream.New(b.conn); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	_, err = b.stream.CreateOrUpdateStream(ctx, jetstream.StreamConfig{
		Name: "JOBS", Subjects: []string{"jobs.>"}, Retention: jetstream.WorkQueuePolicy,
		Storage: jetstream.FileStorage, Duplicates: duplicateWindow,
	})
	return err
}

// Close ends every claim and subscription, and the server; it returns when all has stopped.
func (b *Bus) Close() error {
	if b.conn != nil {
		b.conn.Close()
	}
	if b.server != nil {
		b.server.Shutdown()
		b.server.WaitForShutdown()
	}
	return nil
}

func subject(kind parley.JobKind, in parley.Region) string {
	return "jobs." + string(kind) + "." + string(in)
}

// Submit implements parley.Jobs.
func (b *Bus) Submit(ctx context.Context, j parley.Job) error {
	content, err := json.Marshal(j)
	if err != nil {
		return fmt.Errorf("submit job: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	if _, err := b.stream.Publish(ctx, subject(j.Kind, j.Region), content, jetstream.WithMsgID(j.ID)); err != nil {
		return fmt.Errorf("submit job: %w: %w", parley.Unavailable, err)
	}
	return nil
}

// Claim implements parley.Jobs.
func (b *Bus) Claim(ctx context.Context, kind parley.JobKind, in parley.Region) (parley.Lease, error) {
	consumer, err := b.consumer(ctx, kind, in)
	if err != nil {
		return nil, fmt.Errorf("claim job: %w: %w", parley.Unavailable, err)
	}
	for {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("claim job: %w", err)
		}
		message, err := b.next(ctx, consumer)
		if err != nil {
			return nil, fmt.Errorf("claim job: %w", err)
		}
		if message == nil {
			continue
		}
		var j parley.Job
		if err := json.Unmarshal(message.Data(), &j); err != nil || j.ID == "" {
			b.log.Warn("dropped a malformed job", zap.Error(err))
			_ = message.Term() // it would come back otherwise, and be dropped again
			continue
		}
		return &lease{job: j, message: message}, nil
	}
}

// next waits for one message; nil when none came within claimWait.
func (b *Bus) next(ctx context.Context, consumer jetstream.Consumer) (jetstream.Msg, error) {
	wait, cancel := context.WithTimeout(ctx, claimWait)
	defer cancel()
	message, err := consumer.Next(jetstream.FetchContext(wait))
	switch {
	case err == nil:
		return message, nil
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case errors.Is(err, nats.ErrTimeout), errors.Is(err, context.DeadlineExceeded),
		errors.Is(err, jetstream.ErrNoMessages),
		errors.Is(err, jetstream.ErrInvalidOption): // the deadline passed before the request was made
		return nil, nil //nolint:nilnil // nothing came, and nothing is wrong
	default:
		return nil, fmt.Errorf("%w: %w", parley.Unavailable, err)
	}
}

// consumer is the queue of one kind of work in one region, shared by all who claim from it.
func (b *Bus) consumer(ctx context.Context, kind parley.JobKind, in parley.Region) (jetstream.Consumer, error) {
	name := subject(kind, in)
	b.mu.Lock()
	consumer, ok := b.consumers[name]
	b.mu.Unlock()
	if ok {
		return consumer, nil
	}
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	consumer, err := b.stream.CreateOrUpdateConsumer(ctx, "JOBS", jetstream.ConsumerConfig{
		Durable: string(kind) + "-" + string(in), FilterSubject: name,
		AckPolicy: jetstream.AckExplicitPolicy, AckWait: leaseTime,
	})
	if err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.consumers[name] = consumer
	return consumer, nil
}

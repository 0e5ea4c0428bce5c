import java.io.*;
import java.net.*;
import java.nio.ByteBuffer;
import java.nio.channels.*;
import java.nio.charset.*;
import java.security.MessageDigest;
import java.time.*;
import java.util.*;
import java.util.concurrent.*;
import java.util.concurrent.locks.LockSupport;
import java.util.function.*;
import java.util.regex.*;

/**
 * The sample service in Java, with nothing but the standard library.
 *
 * <p>It does what services/CONTRACT.md says; the numbers in the comments are its clauses. The file reads from the whole to
 * the parts: the life of the service ({@code Service}), this team's retries ({@code Retry}), the life of a request
 * ({@code Application}), how the service behaves ({@code Behaving}), its calls ({@code Client}), its control endpoint
 * ({@code Control}), its ledger; then HTTP/1.1 ({@code Server} and what follows), what the service reads
 * ({@code Fields} and what follows), and JSON.
 *
 * <p>A connection has a thread that reads from it, and so notices when the caller leaves. A request that is being worked on
 * has a second thread, which the first interrupts in that case (C24). Whatever the second waits for ends by that: a pause,
 * a turn, or an answer on a {@link SocketChannel}, which an interrupt closes.
 */
final class Service {
    private static final int BOOTSTRAP_LIMIT = 1024 * 1024;

    public static void main(String[] arguments) throws IOException, InterruptedException {
        try {
            start(Fields.read(Json.parse(readFirstLine(System.in)), "bootstrap", Bootstrap::read));
        } catch (Mistake | IOException error) {
            System.err.println("error: " + error.getMessage());
            System.exit(1);
        }
        byte[] ignored = new byte[1024];
        while (System.in.read(ignored) >= 0) {
            // Only its end means anything (C3).
        }
        System.exit(0); // and now as after SIGTERM
    }

    /** Listens, says so, and arranges for the end (C1 to C3). */
    private static void start(Bootstrap bootstrap) throws IOException, InterruptedException {
        ExecutorService threads = Executors.newCachedThreadPool(daemons());
        Ledger ledger = new Ledger(new FileOutputStream(FileDescriptor.out));
        Behaving behaving = new Behaving(bootstrap.behaviour(), bootstrap.seed());
        Client client = new Client(bootstrap.proxy(), bootstrap.addresses());
        Caller caller = bootstrap.ownRetries() ? new Retry(client, threads) : client;
        Server server = new Server(threads, daemons());

        FutureTask<Void> firstCalls = new FutureTask<>(() -> makeFirstCalls(bootstrap.firstCalls(), client, ledger));

        ServerSocket application = server.listen(bootstrap.listen());
        ServerSocket control = server.listen(bootstrap.control().listen());
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            firstCalls.cancel(true);
            server.stop();
            Runtime.getRuntime().halt(0); // the JVM itself would tell by its exit code of the signal that ended it
        }));
        Address controlAddress = bootstrap.control().listen().withPort(control.getLocalPort());
        server.serve(control, new Control(bootstrap.control().token(), behaving, client));
        warmUp(controlAddress);
        ledger.record("listening", "application", bootstrap.listen().withPort(application.getLocalPort()).toString(),
                "control", controlAddress.toString());
        server.serve(application, new Application(bootstrap, behaving, caller, ledger, threads, server.stopping()));
        threads.execute(firstCalls);
    }

    /** Calls itself, lest somebody's first call wait for the JVM to load classes, longer than its patience lasts (C40). */
    private static void warmUp(Address control) throws InterruptedException {
        try (Client client = new Client(control, Map.of())) {
            client.call(new Call("GET", Url.parse("http://" + control + "/ready"), Map.of(), null), List.of());
        }
    }

    /** Makes the calls that are due before any request (C39). An interrupt gives up those that are left. */
    private static Void makeFirstCalls(List<Call> calls, Client client, Ledger ledger) throws InterruptedException {
        int number = 0;
        for (Call call : calls) {
            CallResult result = client.call(call, List.of());
            ledger.record("first_call", "number", ++number, "at_us", Ledger.now(),
                    "url", result.url(), "status", result.status(), "error", result.error());
        }
        return null;
    }

    private static byte[] readFirstLine(InputStream input) throws IOException {
        ByteArrayOutputStream line = new ByteArrayOutputStream();
        for (int next; (next = input.read()) >= 0 && next != '\n'; ) {
            line.write(next);
            if (line.size() > BOOTSTRAP_LIMIT) {
                throw new Mistake("the bootstrap is longer than " + BOOTSTRAP_LIMIT + " bytes");
            }
        }
        return line.toByteArray();
    }

    private static ThreadFactory daemons() {
        return task -> {
            Thread thread = new Thread(task);
            thread.setDaemon(true);
            return thread;
        };
    }
}

/**
 * What this team does about calls that fail, until a mesh does it (C40): it asks a second time, at once, whatever it was
 * that it asked for.
 */
final class Retry implements Caller {
    private static final int ATTEMPTS = 2;
    private static final Duration PATIENCE = Duration.ofMillis(250);

    private final Client client;
    private final ExecutorService threads;

    Retry(Client client, ExecutorService threads) {
        this.client = client;
        this.threads = threads;
    }

    @Override
    public CallResult call(Call call, List<Header> context) throws InterruptedException {
        long started = System.nanoTime();
        CallResult result = attempt(call, context);
        for (int attempts = 1; attempts < ATTEMPTS && hasFailed(result); attempts++) {
            result = attempt(call, context);
        }
        return result.startedAt(started);
    }

    private CallResult attempt(Call call, List<Header> context) throws InterruptedException {
        Future<CallResult> attempt = threads.submit(() -> client.call(call, context));
        try {
            return attempt.get(PATIENCE.toMillis(), TimeUnit.MILLISECONDS);
        } catch (TimeoutException late) {
            return CallResult.failure(call, "timed out after " + PATIENCE.toMillis() + " ms");
        } catch (ExecutionException bug) {
            throw new IllegalStateException(bug.getCause());
        } finally {
            attempt.cancel(true); // closes the connection of an attempt that nobody waits for any more
        }
    }

    private static boolean hasFailed(CallResult result) {
        return result.status() == null || result.status() >= 500;
    }
}

/** Answers everybody, in the way that it has been told to (C7). */
final class Application implements Endpoint {
    private static final Set<String> TRACE = Set.of("traceparent", "tracestate");
    private static final Set<String> PROPAGATED =
            Set.of("x-request-id", "x-hallway-request", "idempotency-key", "traceparent", "tracestate");
    private static final Set<String> METHODS_WITH_EFFECT = Set.of("POST", "PUT", "PATCH", "DELETE");

    private final Bootstrap bootstrap;
    private final Behaving behaving;
    private final Caller caller;
    private final Ledger ledger;
    private final ExecutorService threads;
    private final CountDownLatch stopping;
    private final Effects effects;
    private long handlings;

    Application(Bootstrap bootstrap, Behaving behaving, Caller caller, Ledger ledger, ExecutorService threads,
            CountDownLatch stopping) {
        this.bootstrap = bootstrap;
        this.behaving = behaving;
        this.caller = caller;
        this.ledger = ledger;
        this.threads = threads;
        this.stopping = stopping;
        this.effects = new Effects(ledger);
    }

    /** Records and decides in one go, so that requests are counted, recorded and decided in the same order. */
    @Override
    public synchronized Exchange arrived(Head head) {
        long number = ++handlings;
        recordReceived(number, head);
        Headers headers = head.headers();
        String requestId = headers.text("x-request-id");
        Plan plan = behaving.decide(requestId != null ? requestId : headers.text("x-hallway-request"));
        return new Handling(number, head, plan);
    }

    @Override
    public Duration idleClose() {
        return behaving.idleClose();
    }

    private void recordReceived(long number, Head head) {
        Headers headers = head.headers();
        String attempt = headers.text("x-envoy-attempt-count");
        ledger.record("received", "handling", number,
                "service", bootstrap.service(), "version", bootstrap.version(), "instance", bootstrap.instance(),
                "at_us", Ledger.now(), "method", head.method(), "path", head.path(),
                "request_id", headers.text("x-request-id"),
                "correlation", headers.text("x-hallway-request"),
                "attempt", attempt != null && attempt.matches("[0-9]{1,9}") ? Integer.valueOf(attempt) : null,
                "client_cert", headers.text("x-forwarded-client-cert"),
                "traceparent", headers.text("traceparent"));
    }

    /** One request, from its arrival to its answer. */
    private final class Handling implements Exchange {
        private final long number;
        private final Head head;
        private final Plan plan;
        private Capacity.Turn turn;

        Handling(long number, Head head, Plan plan) {
            this.number = number;
            this.head = head;
            this.plan = plan;
        }

        @Override
        public void bodyArrived(byte[] body) {
            turn = plan.doesWork() && !head.isConnect() ? plan.capacity().arrive() : null;
        }

        @Override
        public Answer answer() throws InterruptedException, Reset {
            String outcome = "cancelled";
            Integer status = null;
            try {
                Answer answer = work();
                outcome = answer.body().isWhole() ? "answered" : "truncated";
                status = answer.status();
                return answer;
            } catch (Reset reset) {
                outcome = plan.ending() == Ending.RESET_BEFORE ? "reset_before" : "reset_after";
                throw reset;
            } finally {
                recordFinished(outcome, status);
            }
        }

        @Override
        public void refused(int status) {
            recordFinished("answered", status);
        }

        @Override
        public void cancelled() {
            recordFinished("cancelled", null);
        }

        private Answer work() throws InterruptedException, Reset {
            if (head.isConnect()) {
                return Answer.error(405, "this service is no proxy");
            }
            if (plan.ending() == Ending.RESET_BEFORE) {
                throw new Reset();
            }
            if (plan.ending() == Ending.HANG) {
                stopping.await();
                throw new InterruptedException("what hangs is given up when the service is told to stop");
            }
            if (turn.isRefused()) {
                return echo(plan.capacity().status(), List.of(), null);
            }
            try (Capacity.Turn place = turn) {
                place.await();
                return workInPlace();
            }
        }

        private Answer workInPlace() throws InterruptedException, Reset {
            Pause.until(System.nanoTime() + plan.latencyNanos());
            if (plan.ending() == Ending.FAIL) {
                return echo(plan.status(), List.of(), null);
            }
            List<CallResult> results = makeCalls();
            int status = relayed(plan.status(), results);
            Effect effect = null;
            if (plan.behaviour().effect() != null && isSuccess(status) && METHODS_WITH_EFFECT.contains(head.method())) {
                effect = effects.happen(number, head.headers().text("idempotency-key"), plan.behaviour().effect());
            }
            if (plan.ending() == Ending.RESET_AFTER) {
                throw new Reset();
            }
            return echo(status, results, effect);
        }

        private List<CallResult> makeCalls() throws InterruptedException {
            List<Header> context = new ArrayList<>();
            for (Header header : head.headers().lines()) {
                boolean isDropped = plan.behaviour().dropTrace() && TRACE.contains(header.name());
                if (PROPAGATED.contains(header.name()) && !isDropped) {
                    context.add(header);
                }
            }
            List<CallResult> results = new ArrayList<>();
            if (!bootstrap.inParallel()) {
                for (Call call : bootstrap.calls()) {
                    results.add(caller.call(call, context));
                }
                return results;
            }
            List<Callable<CallResult>> calls = new ArrayList<>();
            for (Call call : bootstrap.calls()) {
                calls.add(() -> caller.call(call, context));
            }
            for (Future<CallResult> call : threads.invokeAll(calls)) { // which interrupts them all when it is interrupted
                try {
                    results.add(call.get());
                } catch (ExecutionException bug) {
                    throw new IllegalStateException(bug.getCause());
                }
            }
            return results;
        }

        private Answer echo(int status, List<CallResult> results, Effect effect) {
            List<Object> calls = new ArrayList<>();
            for (CallResult result : results) {
                calls.add(result.toJson());
            }
            byte[] json = Json.write(Json.object(
                    "service", bootstrap.service(), "version", bootstrap.version(), "instance", bootstrap.instance(),
                    "method", head.method(), "path", head.path(), "host", head.authority(),
                    "protocol", head.version(), "headers", head.headers().joined(),
                    "calls", calls,
                    "effect", effect == null ? null : effect.toJson()));
            Behaviour behaviour = plan.behaviour();
            if (!head.hasAnswerBody(status)) {
                return Answer.json(status, Body.whole(json));
            }
            if (plan.ending() == Ending.TRUNCATE) {
                return Answer.json(status, Body.truncated(json));
            }
            if (behaviour.ticks() != null && isSuccess(status)) {
                return new Answer(status, Map.of("content-type", "text/event-stream"),
                        Body.events(behaviour.ticks().count(), behaviour.ticks().everyNanos(), this::tick));
            }
            SlowBody slow = behaviour.slowBody();
            return Answer.json(status, slow == null ? Body.whole(json) : Body.slow(json, slow.pieces(), slow.overNanos()));
        }

        private byte[] tick(int index) {
            byte[] data = Json.write(Json.object("service", bootstrap.service(), "version", bootstrap.version(),
                    "instance", bootstrap.instance(), "number", index + 1));
            return Bytes.join(Bytes.ascii("id: " + (index + 1) + "\ndata: "), data, Bytes.ascii("\n\n"));
        }

        private void recordFinished(String outcome, Integer status) {
            ledger.record("finished", "handling", number, "at_us", Ledger.now(), "outcome", outcome, "status", status);
        }
    }

    /** The worst server error of the calls, or else the service's own status (C13). */
    private static int relayed(int own, List<CallResult> results) {
        int worst = 0;
        for (CallResult result : results) {
            int status = result.status() == null ? 502 : result.status();
            if (500 <= status && status <= 599) {
                worst = Math.max(worst, status);
            }
        }
        return worst > 0 ? worst : own;
    }

    private static boolean isSuccess(int status) {
        return 200 <= status && status <= 299;
    }
}

/** How the fate of a request was decided (C14). */
enum Ending { RESET_BEFORE, HANG, FAIL, RESET_AFTER, TRUNCATE, ANSWER }

/** What will happen to one request, whatever the behaviour becomes. */
record Plan(Ending ending, int status, long latencyNanos, Behaviour behaviour, Capacity capacity) {
    boolean doesWork() {
        return ending != Ending.RESET_BEFORE && ending != Ending.HANG;
    }
}

/** How the service behaves at the moment, with what it has to remember for that (C14 to C21, C32 to C34). */
final class Behaving {
    private static final int REMEMBERED_REQUESTS = 100_000;

    private final SplittableRandom random;
    private Behaviour behaviour;
    private Recent<Long> attempts;
    private long arrivals;
    private Capacity capacity;

    Behaving(Behaviour behaviour, long seed) {
        this.random = new SplittableRandom(seed);
        replace(behaviour);
    }

    synchronized void replace(Behaviour replacement) {
        behaviour = replacement;
        attempts = new Recent<>(REMEMBERED_REQUESTS);
        arrivals = 0;
        capacity = new Capacity(replacement.capacity());
    }

    synchronized Duration idleClose() {
        return behaviour.idleClose();
    }

    /** Decides about a request that has just arrived. Every fault that is configured draws, whichever decides. */
    synchronized Plan decide(String requestId) {
        boolean resetBefore = happens(behaviour.resetBefore());
        boolean failsByChance = behaviour.failShare() != null && happens(behaviour.failShare().share());
        boolean resetAfter = happens(behaviour.resetAfter());
        boolean truncate = happens(behaviour.truncate());
        boolean failsFirst = behaviour.failFirst() != null && count(requestId) <= behaviour.failFirst().attempts();
        boolean failsByPattern = behaviour.failPattern() != null && behaviour.failPattern().failsAt(arrivals++);
        long latencyNanos = behaviour.latency() == null ? 0 : behaviour.latency().draw(random);

        Ending ending = Ending.ANSWER;
        int status = behaviour.status() == null ? 200 : behaviour.status();
        if (resetBefore) {
            ending = Ending.RESET_BEFORE;
        } else if (behaviour.hang()) {
            ending = Ending.HANG;
        } else if (failsFirst || failsByPattern || failsByChance) {
            ending = Ending.FAIL;
            status = failsFirst ? behaviour.failFirst().status()
                    : failsByPattern ? behaviour.failPattern().status() : behaviour.failShare().status();
        } else if (resetAfter) {
            ending = Ending.RESET_AFTER;
        } else if (truncate) {
            ending = Ending.TRUNCATE;
        }
        return new Plan(ending, status, latencyNanos, behaviour, capacity);
    }

    private boolean happens(Double probability) {
        return probability != null && random.nextDouble() < probability;
    }

    /** Which attempt of its request id this is, from 1. */
    private long count(String requestId) {
        if (requestId == null) {
            return 1;
        }
        long attempt = attempts.getOrDefault(requestId, 0L) + 1;
        attempts.putLast(requestId, attempt);
        return attempt;
    }
}

/** At most so many requests at work, and a queue for the others (C33). Without a limit, nobody ever waits. */
final class Capacity {
    private final CapacityLimit limit;
    private final Set<Turn> waiting = new LinkedHashSet<>();
    private long atWork;

    Capacity(CapacityLimit limit) {
        this.limit = limit;
    }

    /** The status that a request gets for which the queue has no place. */
    int status() {
        return limit.status();
    }

    /** Takes a place at work, or else one in the queue, or else none. */
    synchronized Turn arrive() {
        Turn turn = new Turn();
        if (limit == null || atWork < limit.atOnce()) {
            atWork++;
            turn.come.countDown();
        } else if (waiting.size() < limit.queue()) {
            waiting.add(turn);
        } else {
            turn.isRefused = true;
        }
        return turn;
    }

    private synchronized void leave(Turn turn) {
        if (waiting.remove(turn)) {
            return;
        }
        if (waiting.isEmpty()) {
            atWork--;
        } else {
            Turn next = waiting.iterator().next();
            waiting.remove(next);
            next.come.countDown();
        }
    }

    /** The place of one request. Closing it gives the place back, be it at work or in the queue. */
    final class Turn implements AutoCloseable {
        private final CountDownLatch come = new CountDownLatch(1);
        private boolean isRefused;

        boolean isRefused() {
            return isRefused;
        }

        void await() throws InterruptedException {
            come.await();
        }

        @Override
        public void close() {
            leave(this);
        }
    }
}

/** The effects that requests have had (C36). */
final class Effects {
    private static final int REMEMBERED_KEYS = 100_000;

    private final Ledger ledger;
    private final Recent<Long> numbers = new Recent<>(REMEMBERED_KEYS);
    private long count;

    Effects(Ledger ledger) {
        this.ledger = ledger;
    }

    /** Has the effect of a request and records it, unless its key has had it. */
    synchronized Effect happen(long handling, String key, EffectRule rule) {
        Long earlier = rule.oncePerKey() ? numbers.get(key) : null;
        if (earlier != null) {
            return new Effect(earlier, key, true);
        }
        long number = ++count;
        if (key != null) {
            numbers.putLast(key, number);
        }
        ledger.record("effect", "handling", handling, "at_us", Ledger.now(), "number", number, "key", key);
        return new Effect(number, key, false);
    }
}

/** An effect as an answer tells of it; when it is repeated, this is the earlier one. */
record Effect(long number, String key, boolean repeated) {
    Map<String, Object> toJson() {
        return Json.object("number", number, "key", key, "repeated", repeated);
    }
}

/** What is remembered of the latest so many keys. */
final class Recent<V> extends LinkedHashMap<String, V> {
    private final int limit;

    Recent(int limit) {
        this.limit = limit;
    }

    /** Makes {@code key} the latest. */
    void putLast(String key, V value) {
        remove(key);
        put(key, value);
    }

    @Override
    protected boolean removeEldestEntry(Map.Entry<String, V> eldest) {
        return size() > limit;
    }
}

/** A pause that is never too short, and to the microsecond, whereas {@link Thread#sleep} rounds to milliseconds. */
final class Pause {
    private Pause() {
    }

    /** Waits until {@link System#nanoTime} has come to {@code instant}. */
    static void until(long instant) throws InterruptedException {
        for (long left; (left = instant - System.nanoTime()) > 0; ) {
            if (Thread.interrupted()) {
                throw new InterruptedException();
            }
            LockSupport.parkNanos(left);
        }
    }
}

/** Makes the calls of a request. */
interface Caller {
    /**
     * What came of {@code call}, sent with those headers of {@code context} that it does not have itself. Failures are
     * results, too.
     *
     * @throws InterruptedException when the thread was interrupted; the connection of the call is closed then
     */
    CallResult call(Call call, List<Header> context) throws InterruptedException;
}

/** Calls other services: one attempt, no timeout, over connections that are kept alive (C8 to C13). */
final class Client implements Caller, AutoCloseable {
    private static final int IDLE_CONNECTIONS = 256;

    private final Address proxy;
    private final Map<String, Address> addresses = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
    private final Map<Address, Deque<Upstream>> idle = new HashMap<>();

    Client(Address proxy, Map<String, Address> addresses) {
        this.proxy = proxy;
        this.addresses.putAll(addresses);
    }

    @Override
    public CallResult call(Call call, List<Header> context) throws InterruptedException {
        long started = System.nanoTime();
        try {
            return CallResult.answered(call, exchange(call, context)).startedAt(started);
        } catch (ClosedByInterruptException givenUp) {
            throw new InterruptedException();
        } catch (IOException | Refusal failure) {
            String reason = failure.getMessage() == null ? failure.getClass().getSimpleName() : failure.getMessage();
            return CallResult.failure(call, reason).startedAt(started);
        }
    }

    /** Closes the connections that are kept. */
    @Override
    public synchronized void close() {
        idle.values().forEach(connections -> connections.forEach(Upstream::close));
        idle.clear();
    }

    private Response exchange(Call call, List<Header> context) throws IOException, Refusal {
        Address address = proxy != null ? proxy : addresses.get(call.url().host());
        if (address == null) {
            throw new UnknownHostException("there is no address for `" + call.url().host() + "`, and no proxy to ask");
        }
        Upstream connection = connectionTo(address);
        try {
            return connection.exchange(call.method(), request(call, context));
        } finally {
            keep(address, connection);
        }
    }

    /** In absolute form for a proxy, in origin form otherwise (RFC 9112, 3.2). */
    private byte[] request(Call call, List<Header> context) {
        Url url = call.url();
        String target = proxy == null ? url.path() : "http://" + url.authority() + url.path();
        StringBuilder head = new StringBuilder();
        head.append(call.method()).append(' ').append(target).append(" HTTP/1.1\r\n");
        appendHeader(head, "host", url.authority());
        Map<String, String> own = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
        own.putAll(call.headers());
        for (Header header : context) {
            if (!own.containsKey(header.name())) {
                appendHeader(head, header.name(), header.value());
            }
        }
        own.forEach((name, value) -> appendHeader(head, name, value));
        byte[] body = call.body() == null ? new byte[0] : call.body().getBytes(StandardCharsets.UTF_8);
        if (call.body() != null) {
            appendHeader(head, "content-length", Integer.toString(body.length));
        }
        return Bytes.join(Bytes.latin1(head.append("\r\n").toString()), body);
    }

    private static void appendHeader(StringBuilder head, String name, String value) {
        head.append(name).append(": ").append(value).append("\r\n");
    }

    private Upstream connectionTo(Address address) throws IOException {
        for (Upstream connection; (connection = takeIdle(address)) != null; connection.close()) {
            if (connection.isOpen()) {
                return connection;
            }
        }
        return Upstream.open(address);
    }

    private synchronized Upstream takeIdle(Address address) {
        Deque<Upstream> connections = idle.get(address);
        return connections == null ? null : connections.pollLast();
    }

    private synchronized void keep(Address address, Upstream connection) {
        Deque<Upstream> connections = idle.computeIfAbsent(address, each -> new ArrayDeque<>());
        if (connection.isReusable() && connections.size() < IDLE_CONNECTIONS) {
            connections.addLast(connection);
        } else {
            connection.close();
        }
    }
}

/** A connection to another service, for one request at a time. An interrupt of a thread that waits on it closes it. */
final class Upstream implements Closeable {
    private final SocketChannel channel;
    private final Input input;
    private boolean isReusable;

    private Upstream(SocketChannel channel) {
        this.channel = channel;
        this.input = new Input(Channels.newInputStream(channel));
    }

    static Upstream open(Address address) throws IOException {
        SocketChannel channel = SocketChannel.open();
        try {
            channel.connect(address.toSocketAddress());
            channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
            return new Upstream(channel);
        } catch (ClosedByInterruptException givenUp) {
            throw givenUp;
        } catch (IOException failure) {
            channel.close();
            throw new IOException("cannot connect to " + address + ": " + failure.getMessage(), failure);
        }
    }

    /** Whether the other side has kept it open, and has sent nothing that nobody asked for. */
    boolean isOpen() throws IOException {
        try {
            channel.configureBlocking(false);
            boolean isQuiet = channel.read(ByteBuffer.allocate(1)) == 0;
            channel.configureBlocking(true);
            return isQuiet;
        } catch (ClosedByInterruptException givenUp) {
            throw givenUp;
        } catch (IOException reset) {
            return false;
        }
    }

    /** Sends a request and reads its answer. The connection is reusable afterwards if both sides agree. */
    Response exchange(String method, byte[] request) throws IOException, Refusal {
        isReusable = false;
        for (ByteBuffer left = ByteBuffer.wrap(request); left.hasRemaining(); ) {
            channel.write(left);
        }
        Response.Head head;
        do {
            head = Response.Head.read(input);
        } while (head.status() <= 199);
        long length = head.bodyLength(method);
        byte[] body = length == Headers.TO_THE_END ? input.toTheEnd() : input.body(length);
        isReusable = length != Headers.TO_THE_END && head.keepsAlive() && input.isEmpty();
        return new Response(head.status(), head.headers(), body);
    }

    boolean isReusable() {
        return isReusable;
    }

    @Override
    public void close() {
        try {
            channel.close();
        } catch (IOException error) {
            // It is gone, which is what was wanted.
        }
    }
}

/** What came of a call (C13). */
record CallResult(String url, Integer status, String error, Map<String, String> headers, Object body, long elapsedMicros) {
    static CallResult answered(Call call, Response response) {
        Object body;
        try {
            body = Json.parse(response.body());
        } catch (Mistake noJson) {
            body = new String(response.body(), StandardCharsets.UTF_8);
        }
        return new CallResult(call.url().text(), response.status(), null, response.headers().joined(), body, 0);
    }

    static CallResult failure(Call call, String error) {
        return new CallResult(call.url().text(), null, error, Map.of(), null, 0);
    }

    /** The same, of a call that began at this {@link System#nanoTime} and has just ended. */
    CallResult startedAt(long nanoTime) {
        long elapsed = TimeUnit.NANOSECONDS.toMicros(System.nanoTime() - nanoTime);
        return new CallResult(url, status, error, headers, body, elapsed);
    }

    Map<String, Object> toJson() {
        return Json.object("url", url, "status", status, "error", error, "headers", headers, "body", body,
                "elapsed_us", elapsedMicros);
    }
}

/** The control endpoint: answers to whoever holds the token (C25 to C28). */
final class Control implements Endpoint {
    private final byte[] authorization;
    private final Behaving behaving;
    private final Client client;

    Control(String token, Behaving behaving, Client client) {
        this.authorization = ("Bearer " + token).getBytes(StandardCharsets.UTF_8);
        this.behaving = behaving;
        this.client = client;
    }

    @Override
    public Exchange arrived(Head head) {
        return new Command(head);
    }

    @Override
    public Duration idleClose() {
        return null;
    }

    /** One request. The ledger does not have it. */
    private final class Command implements Exchange {
        private final Head head;
        private byte[] body;

        Command(Head head) {
            this.head = head;
        }

        @Override
        public void bodyArrived(byte[] body) {
            this.body = body;
        }

        @Override
        public Answer answer() throws InterruptedException {
            String given = head.headers().first("authorization");
            if (given == null || !MessageDigest.isEqual(Bytes.latin1(given), authorization)) {
                return Answer.error(401, "this needs `authorization: Bearer` with the token")
                        .with("www-authenticate", "Bearer");
            }
            String path = head.path().split("\\?", 2)[0];
            String method = switch (path) {
                case "/ready" -> "GET";
                case "/behaviour" -> "PUT";
                case "/call" -> "POST";
                default -> null;
            };
            if (method == null) {
                return Answer.error(404, "there are /ready, /behaviour and /call");
            }
            if (!head.method().equals(method)) {
                return Answer.error(405, path + " takes " + method).with("allow", method);
            }
            try {
                return carryOut(path);
            } catch (Mistake mistake) {
                return Answer.error(400, mistake.getMessage());
            }
        }

        private Answer carryOut(String path) throws InterruptedException {
            switch (path) {
                case "/behaviour" -> {
                    behaving.replace(Fields.read(Json.parse(body), "behaviour", Behaviour::read));
                    return Answer.empty(204);
                }
                case "/call" -> {
                    CallResult result = client.call(Fields.read(Json.parse(body), "call", Call::read), List.of());
                    return Answer.json(200, Body.whole(Json.write(result.toJson())));
                }
                default -> {
                    return Answer.json(200, Body.whole(Json.write(Json.object("ready", true))));
                }
            }
        }
    }
}

/** The service's testimony: a line on standard output for whatever happens (C22). */
final class Ledger {
    private final FileOutputStream output;

    /** {@code output} has no buffer, so that a kill loses no line that was written (C23). */
    Ledger(FileOutputStream output) {
        this.output = output;
    }

    /** Writes down a record, given by the names and values of its fields, before anything else is done. */
    synchronized void record(String kind, Object... fields) {
        Map<String, Object> record = Json.object("record", kind);
        record.putAll(Json.object(fields));
        try {
            output.write(Bytes.join(Json.write(record), Bytes.ascii("\n")));
        } catch (IOException error) {
            // Nobody reads any more; that is no reason to stop serving.
        }
    }

    /** The time, in microseconds since the Unix epoch. */
    static long now() {
        Instant now = Instant.now();
        return TimeUnit.SECONDS.toMicros(now.getEpochSecond()) + TimeUnit.NANOSECONDS.toMicros(now.getNano());
    }
}

/** Who answers the requests that come to a listener. */
interface Endpoint {
    /** Takes note of a request whose head has arrived, before anything is done for it. */
    Exchange arrived(Head head);

    /** How long a connection that falls idle now may stay so; null for as long as it likes. */
    Duration idleClose();
}

/** A request and what becomes of it: it ends with one of {@code answer}, {@code refused} and {@code cancelled}. */
interface Exchange {
    /** The whole body has arrived; {@code answer} follows. */
    void bodyArrived(byte[] body);

    /**
     * Makes the answer.
     *
     * @throws InterruptedException when the caller has gone away, or the request is given up
     * @throws Reset when the connection is to be reset instead
     */
    Answer answer() throws InterruptedException, Reset;

    /** The body is not as it should be, and the request is answered with {@code status}. */
    default void refused(int status) {
    }

    /** The caller has gone away, or the request is given up, before the body had arrived. */
    default void cancelled() {
    }
}

/** Thrown to reset a connection instead of answering. */
final class Reset extends Exception {
}

/** A message that is malformed or too large. A request is answered with the status, and its connection closed (C5, C6). */
final class Refusal extends Exception {
    private final int status;

    Refusal(int status, String reason) {
        super(reason);
        this.status = status;
    }

    int status() {
        return status;
    }
}

/** The listeners with all their connections, and the order to stop (C3). */
final class Server {
    private static final Duration DRAIN = Duration.ofSeconds(5);
    private static final Duration FAREWELL = Duration.ofMillis(500);
    private static final Duration PAUSE_AFTER_ERROR = Duration.ofMillis(50);
    private static final int BACKLOG = 1024;
    /** Per listener. Whoever comes when there are as many waits in the backlog. */
    private static final int CONNECTION_LIMIT = 4096;

    private final ExecutorService threads;
    private final ScheduledThreadPoolExecutor clock;
    private final CountDownLatch stopping = new CountDownLatch(1);
    private final List<ServerSocket> listeners = new ArrayList<>();
    private final Set<Connection> idle = new HashSet<>();
    private final Set<Connection> busy = new HashSet<>();

    Server(ExecutorService threads, ThreadFactory clockThread) {
        this.threads = threads;
        this.clock = new ScheduledThreadPoolExecutor(1, clockThread);
        this.clock.setRemoveOnCancelPolicy(true);
    }

    /** Open from the order to stop on. */
    CountDownLatch stopping() {
        return stopping;
    }

    ServerSocket listen(Address address) throws IOException {
        ServerSocket listener = new ServerSocket();
        try {
            listener.bind(address.toSocketAddress(), BACKLOG);
        } catch (IOException error) {
            throw new IOException("cannot listen on " + address + ": " + error.getMessage(), error);
        }
        listeners.add(listener);
        return listener;
    }

    void serve(ServerSocket listener, Endpoint endpoint) {
        threads.execute(() -> accept(listener, endpoint));
    }

    /** Closes what is idle, waits for what is in flight, and gives up what takes too long. */
    synchronized void stop() {
        stopping.countDown();
        listeners.forEach(Server::close);
        List.copyOf(idle).forEach(Connection::hangUp);
        awaitNobodyBusy(DRAIN);
        List.copyOf(busy).forEach(Connection::hangUp);
        awaitNobodyBusy(FAREWELL);
    }

    /** Counts a connection as idle; false when it should be closed instead. */
    synchronized boolean becomesIdle(Connection connection) {
        busy.remove(connection);
        notifyAll();
        return stopping.getCount() > 0 && idle.add(connection);
    }

    /** Counts a connection as busy; false when it has been closed. */
    synchronized boolean becomesBusy(Connection connection) {
        return idle.remove(connection) && stopping.getCount() > 0 && busy.add(connection);
    }

    synchronized void gone(Connection connection) {
        idle.remove(connection);
        busy.remove(connection);
        notifyAll();
    }

    boolean isStopping() {
        return stopping.getCount() == 0;
    }

    ExecutorService threads() {
        return threads;
    }

    ScheduledFuture<?> after(Duration duration, Runnable task) {
        return clock.schedule(task, duration.toNanos(), TimeUnit.NANOSECONDS);
    }

    private void accept(ServerSocket listener, Endpoint endpoint) {
        Semaphore places = new Semaphore(CONNECTION_LIMIT);
        while (!listener.isClosed()) {
            places.acquireUninterruptibly();
            try {
                Connection connection = new Connection(listener.accept(), endpoint, this);
                threads.execute(() -> {
                    try {
                        connection.serve();
                    } finally {
                        places.release();
                    }
                });
            } catch (IOException closedOrOutOfFiles) {
                places.release();
                LockSupport.parkNanos(PAUSE_AFTER_ERROR.toNanos());
            }
        }
    }

    private void awaitNobodyBusy(Duration patience) {
        long end = System.nanoTime() + patience.toNanos();
        try {
            for (long left; !busy.isEmpty() && (left = end - System.nanoTime()) > 0; ) {
                TimeUnit.NANOSECONDS.timedWait(this, left);
            }
        } catch (InterruptedException never) {
            throw new IllegalStateException(never);
        }
    }

    private static void close(ServerSocket listener) {
        try {
            listener.close();
        } catch (IOException error) {
            // It takes no more connections, which is what was wanted.
        }
    }
}

/**
 * A connection that a caller has opened.
 *
 * <p>The reader thread runs {@code serve}: it reads the requests, and while one is being answered it goes on reading, to
 * notice when the caller leaves. The worker thread runs {@code answer}, and is the only one that writes meanwhile.
 */
final class Connection {
    private static final Duration LINGER = Duration.ofSeconds(1);
    private static final int POLL_MS = 50;

    private final Socket socket;
    private final Input input;
    private final OutputStream output;
    private final Endpoint endpoint;
    private final Server server;
    /** Open when no request is being answered. Only the reader uses the field. */
    private CountDownLatch answered = new CountDownLatch(0);
    private ScheduledFuture<?> idleClose;
    private Thread worker;
    private boolean callerHasLeft;

    Connection(Socket socket, Endpoint endpoint, Server server) throws IOException {
        this.socket = socket;
        this.input = new Input(socket.getInputStream());
        this.output = socket.getOutputStream();
        this.endpoint = endpoint;
        this.server = server;
    }

    /** Answers requests until one side has had enough. */
    void serve() {
        try {
            socket.setTcpNoDelay(true);
            if (fallIdle()) {
                serveRequests();
            }
        } catch (Refusal refusal) {
            refuse(refusal);
        } catch (IOException ended) {
            // Nobody is left to be told.
        } catch (InterruptedException never) {
            throw new IllegalStateException(never);
        } finally {
            interruptWorker();
            awaitWorker();
            hangUp();
            stopIdleClock();
            server.gone(this);
        }
    }

    /** Closes the socket, which ends everything that is done with it. */
    void hangUp() {
        try {
            socket.close();
        } catch (IOException error) {
            // It is gone, which is what was wanted.
        }
    }

    private void serveRequests() throws IOException, InterruptedException, Refusal {
        while (!socket.isClosed()) {
            input.awaitByte();
            stopIdleClock();
            Head head = Head.read(input);
            if (!server.becomesBusy(this)) {
                return;
            }
            Exchange exchange = endpoint.arrived(head);
            exchange.bodyArrived(readBody(head, exchange));
            CountDownLatch latch = new CountDownLatch(1);
            server.threads().execute(() -> answer(head, exchange, latch));
            answered = latch;
            watch();
        }
    }

    private byte[] readBody(Head head, Exchange exchange) throws IOException, Refusal {
        try {
            Input.checkBodyLength(head.bodyLength());
            if (head.expectsContinue()) {
                output.write(Bytes.ascii("HTTP/1.1 100 Continue\r\n\r\n"));
            }
            return input.body(head.bodyLength());
        } catch (Refusal refusal) {
            exchange.refused(refusal.status());
            throw refusal;
        } catch (IOException ended) {
            exchange.cancelled();
            throw ended;
        }
    }

    /**
     * Reads ahead while a request is being answered; fails when the caller leaves. What comes early belongs to the next
     * request, and is no reason to look away: from then on, this looks every now and then.
     */
    private void watch() throws IOException, InterruptedException {
        input.awaitByte();
        while (!answered.await(POLL_MS, TimeUnit.MILLISECONDS)) {
            socket.setSoTimeout(1);
            try {
                input.readAhead();
            } catch (SocketTimeoutException quiet) {
                // The caller is still there.
            } finally {
                socket.setSoTimeout(0);
            }
        }
    }

    /** What the worker does: makes the answer to one request, and sends it. */
    private void answer(Head head, Exchange exchange, CountDownLatch done) {
        becomeWorker();
        boolean isKept = false;
        try {
            Answer answer = exchange.answer();
            boolean endsByClosing = head.isHttp10() && answer.body().isEndless();
            boolean keepsAlive = head.keepsAlive() && !server.isStopping() && !endsByClosing;
            send(answer, head, keepsAlive);
            isKept = keepsAlive && answer.body().isWhole() && fallIdle();
        } catch (Reset reset) {
            resetOnClose();
        } catch (IOException | InterruptedException callerLeft) {
            // Nobody waits for the rest.
        } finally {
            ceaseWorking();
            if (!isKept) {
                hangUp();
            }
            done.countDown();
        }
    }

    private void send(Answer answer, Head head, boolean keepsAlive) throws IOException, InterruptedException {
        Body body = answer.body();
        boolean isChunked = body.isEndless() && !head.isHttp10();
        byte[] start = answer.head(head, isChunked, keepsAlive);
        if (!head.hasAnswerBody(answer.status())) {
            output.write(start);
            return;
        }
        long began = System.nanoTime();
        for (int index = 0; index < body.pieces(); index++) {
            if (index > 0) {
                Pause.until(began + index * body.pauseNanos());
            }
            byte[] piece = body.piece(index);
            if (isChunked) {
                boolean isLast = index + 1 == body.pieces();
                piece = Bytes.join(Bytes.ascii(Integer.toHexString(piece.length) + "\r\n"), piece,
                        Bytes.ascii(isLast ? "\r\n0\r\n\r\n" : "\r\n"));
            }
            output.write(index == 0 ? Bytes.join(start, piece) : piece);
        }
    }

    /** Answers what cannot be read on from, and gives the caller a moment to read that before the connection closes. */
    private void refuse(Refusal refusal) {
        try {
            send(Answer.error(refusal.status(), refusal.getMessage()), Head.UNREADABLE, false);
            socket.shutdownOutput();
            server.after(LINGER, this::hangUp);
            input.discardAll();
        } catch (IOException | InterruptedException ended) {
            // Nobody is left to be told.
        }
    }

    private void resetOnClose() {
        try {
            socket.setSoLinger(true, 0);
        } catch (SocketException closed) {
            // The caller was faster.
        }
    }

    /** From now on, the connection may be closed for being idle (C37). False when it is to be closed at once. */
    private synchronized boolean fallIdle() {
        Duration limit = endpoint.idleClose();
        if (limit != null) {
            idleClose = server.after(limit, this::hangUp);
        }
        return server.becomesIdle(this);
    }

    private synchronized void stopIdleClock() {
        if (idleClose != null) {
            idleClose.cancel(false);
            idleClose = null;
        }
    }

    private synchronized void becomeWorker() {
        worker = Thread.currentThread();
        if (callerHasLeft) {
            worker.interrupt();
        }
    }

    private synchronized void ceaseWorking() {
        worker = null;
        Thread.interrupted(); // an interrupt that came too late must not meet whatever this thread does next
    }

    private synchronized void interruptWorker() {
        callerHasLeft = true;
        if (worker != null) {
            worker.interrupt();
        }
    }

    private void awaitWorker() {
        try {
            answered.await();
        } catch (InterruptedException never) {
            throw new IllegalStateException(never);
        }
    }
}

/** An answer. */
record Answer(int status, Map<String, String> headers, Body body) {
    private static final String[] DAYS = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
    private static final String[] MONTHS =
            {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

    static Answer json(int status, Body body) {
        return new Answer(status, Map.of("content-type", "application/json"), body);
    }

    static Answer error(int status, String message) {
        return json(status, Body.whole(Json.write(Json.object("error", message))));
    }

    static Answer empty(int status) {
        return new Answer(status, Map.of(), Body.whole(new byte[0]));
    }

    /** The same with one more header. */
    Answer with(String name, String value) {
        Map<String, String> more = new LinkedHashMap<>(headers);
        more.put(name, value);
        return new Answer(status, more, body);
    }

    /** The head of this answer to {@code request}. */
    byte[] head(Head request, boolean isChunked, boolean keepsAlive) {
        StringBuilder head = new StringBuilder();
        head.append("HTTP/1.1 ").append(status).append(" \r\n"); // whoever wants the reason in words knows the number
        appendDate(head.append("date: "), LocalDateTime.now(ZoneOffset.UTC)).append("\r\n");
        if (status != 204 && status != 304) {
            headers.forEach((name, value) -> head.append(name).append(": ").append(value).append("\r\n"));
            if (isChunked) {
                head.append("transfer-encoding: chunked\r\n");
            } else if (!body.isEndless()) {
                head.append("content-length: ").append(body.length()).append("\r\n");
            }
        }
        if (!keepsAlive) {
            head.append("connection: close\r\n");
        } else if (request.isHttp10()) {
            head.append("connection: keep-alive\r\n");
        }
        return Bytes.latin1(head.append("\r\n").toString());
    }

    /** RFC 9110, 5.6.7. By hand, since a DateTimeFormatter takes the first answer the time of a hundred others. */
    private static StringBuilder appendDate(StringBuilder text, LocalDateTime date) {
        text.append(DAYS[date.getDayOfWeek().ordinal()]).append(", ");
        appendTwoDigits(text, date.getDayOfMonth()).append(' ');
        text.append(MONTHS[date.getMonth().ordinal()]).append(' ').append(date.getYear()).append(' ');
        appendTwoDigits(text, date.getHour()).append(':');
        appendTwoDigits(text, date.getMinute()).append(':');
        return appendTwoDigits(text, date.getSecond()).append(" GMT");
    }

    private static StringBuilder appendTwoDigits(StringBuilder text, int number) {
        return text.append((char) ('0' + number / 10)).append((char) ('0' + number % 10));
    }
}

/**
 * The body of an answer: so many pieces, the first at once and each of the others so long after the one before.
 *
 * @param length what is announced, in bytes; {@code ENDLESS} when nothing is
 * @param isWhole whether the pieces are the whole body
 */
record Body(long length, boolean isWhole, int pieces, long pauseNanos, IntFunction<byte[]> source) {
    private static final long ENDLESS = -1;

    static Body whole(byte[] bytes) {
        return new Body(bytes.length, true, 1, 0, index -> bytes);
    }

    /** Announces the whole body, and is only its first half (C34). */
    static Body truncated(byte[] bytes) {
        return new Body(bytes.length, false, 1, 0, index -> Arrays.copyOf(bytes, bytes.length / 2));
    }

    /** Comes in pieces of nearly equal size, the last after {@code overNanos} (C21). */
    static Body slow(byte[] bytes, long pieces, long overNanos) {
        int count = (int) Math.max(1, Math.min(pieces, bytes.length));
        return new Body(bytes.length, true, count, overNanos / Math.max(1, count - 1), index -> Arrays.copyOfRange(
                bytes, (int) ((long) bytes.length * index / count), (int) ((long) bytes.length * (index + 1) / count)));
    }

    /** A stream of events (C35). */
    static Body events(int count, long everyNanos, IntFunction<byte[]> event) {
        return new Body(ENDLESS, true, count, everyNanos, event);
    }

    boolean isEndless() {
        return length == ENDLESS;
    }

    byte[] piece(int index) {
        return source.apply(index);
    }
}

/** The head of a request: its request line, and its headers. */
record Head(String method, String target, String version, Headers headers) {
    /** Stands for one that could not be read. */
    static final Head UNREADABLE = new Head("GET", "/", "HTTP/1.1", new Headers(List.of()));

    private static final Pattern ABSOLUTE = Pattern.compile("[A-Za-z][A-Za-z0-9+.-]*://([^/?#]+)(.*)");

    /** Reads one, and refuses what is none (C6). */
    static Head read(Input input) throws IOException, Refusal {
        List<String> lines = input.head();
        String[] parts = lines.get(0).split(" ", -1);
        if (parts.length != 3 || !Headers.isToken(parts[0]) || !isTarget(parts[1])) {
            throw new Refusal(400, "the request line is malformed; it is METHOD TARGET HTTP/1.1");
        }
        Head head = new Head(parts[0], Bytes.utf8(parts[1]), parts[2], Headers.parse(lines));
        if (!head.isHttp10() && !head.version.equals("HTTP/1.1")) {
            throw new Refusal(400, "the version is neither HTTP/1.0 nor HTTP/1.1");
        }
        int hosts = head.headers.all("host").size();
        if (hosts > 1 || hosts == 0 && !head.isHttp10()) {
            throw new Refusal(400, "an HTTP/1.1 request has exactly one host");
        }
        head.bodyLength();
        return head;
    }

    boolean isHttp10() {
        return version.equals("HTTP/1.0");
    }

    boolean isConnect() {
        return method.equals("CONNECT");
    }

    /** The path with its query; of an absolute-form target, what follows the authority (RFC 9112, 3.2). */
    String path() {
        Matcher absolute = ABSOLUTE.matcher(target);
        if (!absolute.matches()) {
            return target;
        }
        return absolute.group(2).startsWith("/") ? absolute.group(2) : "/" + absolute.group(2);
    }

    /** The authority of an absolute-form target, or else the host; null without both. */
    String authority() {
        Matcher absolute = ABSOLUTE.matcher(target);
        return absolute.matches() ? absolute.group(1) : headers.text("host");
    }

    /** In bytes; {@link Headers#CHUNKED}, or 0 when nothing is said about it. */
    long bodyLength() throws Refusal {
        long length = headers.bodyLength();
        return length == Headers.TO_THE_END ? 0 : length;
    }

    boolean expectsContinue() {
        return !isHttp10() && headers.hasToken("expect", "100-continue");
    }

    /** Whether the answer with this status has a body. */
    boolean hasAnswerBody(int status) {
        return !method.equals("HEAD") && status != 204 && status != 304;
    }

    boolean keepsAlive() {
        if (isConnect()) {
            return false; // who knows what the caller has sent after it
        }
        return isHttp10() ? headers.hasToken("connection", "keep-alive") : !headers.hasToken("connection", "close");
    }

    private static boolean isTarget(String text) {
        for (int index = 0; index < text.length(); index++) {
            if (text.charAt(index) <= ' ' || text.charAt(index) == 0x7f) {
                return false;
            }
        }
        return !text.isEmpty();
    }
}

/** What another service answered. */
record Response(int status, Headers headers, byte[] body) {
    /** The head of an answer. */
    record Head(int status, boolean isHttp10, Headers headers) {
        private static final Pattern STATUS_LINE = Pattern.compile("HTTP/1\\.([01]) ([1-9][0-9]{2})(?: .*)?");

        static Head read(Input input) throws IOException, Refusal {
            List<String> lines = input.head();
            Matcher line = STATUS_LINE.matcher(lines.get(0));
            if (!line.matches()) {
                throw new Refusal(502, "the status line of the answer is malformed");
            }
            return new Head(Integer.parseInt(line.group(2)), line.group(1).equals("0"), Headers.parse(lines));
        }

        /** In bytes; {@link Headers#CHUNKED} or {@link Headers#TO_THE_END}. */
        long bodyLength(String method) throws Refusal {
            return method.equals("HEAD") || status == 204 || status == 304 ? 0 : headers.bodyLength();
        }

        boolean keepsAlive() {
            return !isHttp10 && !headers.hasToken("connection", "close");
        }
    }
}

/** A header: its name in lower case, and its value with one character for each byte, so that it can be sent on as it came. */
record Header(String name, String value) {
}

/** The headers of a message, in their order. */
record Headers(List<Header> lines) {
    static final long CHUNKED = -1;
    static final long TO_THE_END = -2;

    private static final int COUNT_LIMIT = 100;

    /** Those of a head, whose first line is something else. */
    static Headers parse(List<String> head) throws Refusal {
        if (head.size() - 1 > COUNT_LIMIT) {
            throw new Refusal(431, "there are more than " + COUNT_LIMIT + " headers");
        }
        List<Header> lines = new ArrayList<>();
        for (String line : head.subList(1, head.size())) {
            int colon = line.indexOf(':');
            if (colon < 0 || !isToken(line.substring(0, colon))) {
                throw new Refusal(400, "a header has no well-formed name");
            }
            lines.add(new Header(line.substring(0, colon).toLowerCase(Locale.ROOT), checkValue(line.substring(colon + 1))));
        }
        return new Headers(List.copyOf(lines));
    }

    /** What a method or the name of a header consists of (RFC 9110, 5.6.2). */
    static boolean isToken(String text) {
        for (int index = 0; index < text.length(); index++) {
            char each = text.charAt(index);
            boolean isAlphanumeric = '0' <= each && each <= '9' || 'a' <= each && each <= 'z' || 'A' <= each && each <= 'Z';
            if (!isAlphanumeric && "!#$%&'*+-.^_`|~".indexOf(each) < 0) {
                return false;
            }
        }
        return !text.isEmpty();
    }

    /** The values of the headers of this name, byte for byte. */
    List<String> all(String name) {
        List<String> values = new ArrayList<>();
        for (Header header : lines) {
            if (header.name().equals(name)) {
                values.add(header.value());
            }
        }
        return values;
    }

    /** The first of them; null without one. */
    String first(String name) {
        List<String> values = all(name);
        return values.isEmpty() ? null : values.get(0);
    }

    /** The same for people and JSON. */
    String text(String name) {
        String value = first(name);
        return value == null ? null : Bytes.utf8(value);
    }

    /** All of them, repeated ones joined (C7). */
    Map<String, String> joined() {
        Map<String, String> joined = new LinkedHashMap<>();
        for (Header header : lines) {
            String value = Bytes.utf8(header.value());
            String before = joined.putIfAbsent(header.name(), value);
            if (before != null) {
                joined.put(header.name(), before + ", " + value);
            }
        }
        return joined;
    }

    boolean hasToken(String name, String token) {
        for (String value : all(name)) {
            for (String each : value.split(",")) {
                if (each.trim().equalsIgnoreCase(token)) {
                    return true;
                }
            }
        }
        return false;
    }

    /** What they say about the length of the body, in bytes; {@code CHUNKED}, or {@code TO_THE_END} when they say nothing. */
    long bodyLength() throws Refusal {
        Set<String> lengths = new HashSet<>(all("content-length"));
        List<String> codings = all("transfer-encoding");
        if (!codings.isEmpty()) {
            if (!lengths.isEmpty() || codings.size() > 1 || !codings.get(0).equalsIgnoreCase("chunked")) {
                throw new Refusal(400, "the transfer-encoding is not plainly chunked");
            }
            return CHUNKED;
        }
        if (lengths.isEmpty()) {
            return TO_THE_END;
        }
        String length = lengths.iterator().next();
        if (lengths.size() > 1 || !length.matches("[0-9]+")) {
            throw new Refusal(400, "the content-length is malformed");
        }
        return length.length() > 18 ? Long.MAX_VALUE : Long.parseLong(length);
    }

    private static String checkValue(String value) throws Refusal {
        for (int index = 0; index < value.length(); index++) {
            char each = value.charAt(index);
            if (each < ' ' && each != '\t' || each == 0x7f) {
                throw new Refusal(400, "a header holds a control character");
            }
        }
        return value.trim(); // of blanks and tabs, since there are no other control characters
    }
}

/** The bytes that come on a connection, and the parts of a message in them, within their limits (C5). */
final class Input {
    private static final int HEAD_LIMIT = 64 * 1024;
    private static final int BODY_LIMIT = 1024 * 1024;
    private static final int STEP = 4 * 1024;
    private static final Pattern CHUNK_SIZE = Pattern.compile("([0-9A-Fa-f]{1,8})[ \t]*(?:;.*)?");

    private final InputStream stream;
    private byte[] buffer = new byte[STEP];
    private int start;
    private int end;

    Input(InputStream stream) {
        this.stream = stream;
    }

    static void checkBodyLength(long length) throws Refusal {
        if (length > BODY_LIMIT) {
            throw new Refusal(413, "the body is larger than " + BODY_LIMIT + " bytes");
        }
    }

    boolean isEmpty() {
        return start == end;
    }

    void awaitByte() throws IOException {
        if (isEmpty()) {
            readAhead();
        }
    }

    /** Waits for more bytes, unless as many as a head may have are here already. Fails at the end of the stream. */
    void readAhead() throws IOException {
        makeRoom();
        int room = Math.min(buffer.length - end, STEP);
        int count = room == 0 ? 0 : stream.read(buffer, end, room);
        if (count < 0) {
            throw new EOFException("the other side has closed the connection");
        }
        end += count;
    }

    /** The lines of a head. An empty line before it is ignored (RFC 9112, 2.2). */
    List<String> head() throws IOException, Refusal {
        List<String> lines = new ArrayList<>();
        for (int size = 0; ; ) {
            String line = line(HEAD_LIMIT - size, 431, "the head is larger than " + HEAD_LIMIT + " bytes");
            size += line.length() + 2;
            if (!line.isEmpty()) {
                lines.add(line);
            } else if (!lines.isEmpty()) {
                return lines;
            }
        }
    }

    /** A body of this length, which may be {@link Headers#CHUNKED}. */
    byte[] body(long length) throws IOException, Refusal {
        checkBodyLength(length);
        ByteArrayOutputStream body = new ByteArrayOutputStream();
        if (length == Headers.CHUNKED) {
            takeChunks(body);
        } else {
            take((int) length, body);
        }
        return body.toByteArray();
    }

    /** Everything until the other side closes. */
    byte[] toTheEnd() throws IOException, Refusal {
        ByteArrayOutputStream body = new ByteArrayOutputStream();
        try {
            while (true) {
                awaitByte();
                take(end - start, body);
                checkBodyLength(body.size());
            }
        } catch (EOFException isEnd) {
            return body.toByteArray();
        }
    }

    /** Reads, and forgets, until the connection ends. */
    void discardAll() throws IOException {
        while (true) {
            start = end;
            readAhead();
        }
    }

    private void takeChunks(ByteArrayOutputStream body) throws IOException, Refusal {
        String malformed = "the body is malformed: a chunk has no valid length";
        while (true) {
            Matcher size = CHUNK_SIZE.matcher(line(HEAD_LIMIT, 400, malformed));
            if (!size.matches()) {
                throw new Refusal(400, malformed);
            }
            long length = Long.parseLong(size.group(1), 16);
            if (length == 0) {
                break;
            }
            checkBodyLength(body.size() + length);
            take((int) length, body);
            line(2, 400, malformed); // which is empty, or too long
        }
        for (int left = HEAD_LIMIT; ; ) {
            String trailer = line(left, 400, "the trailers are larger than " + HEAD_LIMIT + " bytes");
            if (trailer.isEmpty()) {
                return;
            }
            left -= trailer.length() + 2;
        }
    }

    private void take(int count, ByteArrayOutputStream target) throws IOException {
        for (int left = count; left > 0; ) {
            awaitByte();
            int taken = Math.min(left, end - start);
            target.write(buffer, start, taken);
            start += taken;
            left -= taken;
        }
    }

    /** The next line, without its CR LF, with which it may have {@code limit} bytes. */
    private String line(int limit, int status, String tooLong) throws IOException, Refusal {
        for (int searched = 0; ; readAhead()) {
            int available = Math.min(end - start, limit);
            for (; searched + 1 < available; searched++) {
                if (buffer[start + searched] == '\r' && buffer[start + searched + 1] == '\n') {
                    String line = new String(buffer, start, searched, StandardCharsets.ISO_8859_1);
                    start += searched + 2;
                    return line;
                }
            }
            if (available == limit) {
                throw new Refusal(status, tooLong);
            }
        }
    }

    private void makeRoom() {
        if (isEmpty()) {
            start = end = 0;
            buffer = buffer.length == STEP ? buffer : new byte[STEP]; // what was a large head needs the memory no more
        } else if (end == buffer.length && start > 0) {
            System.arraycopy(buffer, start, buffer, 0, end - start);
            end -= start;
            start = 0;
        } else if (end == buffer.length) {
            buffer = Arrays.copyOf(buffer, Math.min(2 * buffer.length, HEAD_LIMIT));
        }
    }
}

/** Bytes and the characters that they stand for. */
final class Bytes {
    private Bytes() {
    }

    static byte[] ascii(String text) {
        return text.getBytes(StandardCharsets.US_ASCII);
    }

    /** One byte for each character. */
    static byte[] latin1(String text) {
        return text.getBytes(StandardCharsets.ISO_8859_1);
    }

    /** What bytes, given as one character each, say in UTF-8; U+FFFD where they say nothing. */
    static String utf8(String latin1) {
        return new String(latin1(latin1), StandardCharsets.UTF_8);
    }

    static byte[] join(byte[]... parts) {
        ByteArrayOutputStream joined = new ByteArrayOutputStream();
        for (byte[] part : parts) {
            joined.writeBytes(part);
        }
        return joined.toByteArray();
    }
}

/** What the service reads is not as it should be. */
final class Mistake extends RuntimeException {
    Mistake(String message) {
        super(message);
    }
}

/** The fields of a JSON object, which are asked for one by one; one that nobody asks for is unknown. */
final class Fields {
    /** The largest value of 32 bits, unsigned. */
    static final long UNSIGNED_32 = 0xffff_ffffL;

    private static final double LONGEST_MS = 3_600_000;

    private final Map<?, ?> members;
    private final String where;
    private final Set<String> known = new LinkedHashSet<>();

    private Fields(Object json, String where) {
        if (!(json instanceof Map<?, ?> object)) {
            throw mistake(json, where, "an object");
        }
        this.members = object;
        this.where = where;
    }

    /**
     * What {@code reader} makes of the fields of {@code json}.
     *
     * @param where what the object is called in error messages
     * @throws Mistake when it is not as it should be
     */
    static <T> T read(Object json, String where, Function<Fields, T> reader) {
        Fields fields = new Fields(json, where);
        T value = reader.apply(fields);
        for (Object name : fields.members.keySet()) {
            if (!fields.known.contains(name)) {
                throw new Mistake("unknown field `" + name + "` in `" + where + "`, which has "
                        + String.join(", ", fields.known));
            }
        }
        return value;
    }

    /** Whether a field is there, if only as null. */
    boolean has(String name) {
        known.add(name);
        return members.containsKey(name);
    }

    /** Whether a field has a value. */
    boolean hasValue(String name) {
        return has(name) && members.get(name) != null;
    }

    String string(String name) {
        return string(take(name), path(name));
    }

    boolean truth(String name) {
        Object value = take(name);
        if (value instanceof Boolean truth) {
            return truth;
        }
        throw mistake(value, path(name), "true or false");
    }

    long integer(String name, long least, long most) {
        Object value = take(name);
        if (value instanceof JsonNumber number && number.text().matches("-?[0-9]{1,18}")) {
            long integer = Long.parseLong(number.text());
            if (least <= integer && integer <= most) {
                return integer;
            }
        }
        throw mistake(value, path(name), "an integer from " + least + " to " + most);
    }

    /** 64 bits, to be read as an unsigned integer. */
    long unsigned64(String name) {
        Object value = take(name);
        try {
            return Long.parseUnsignedLong(value instanceof JsonNumber number ? number.text() : "");
        } catch (NumberFormatException error) {
            throw mistake(value, path(name), "an integer from 0 to 2^64-1");
        }
    }

    int finalStatus(String name) {
        return (int) integer(name, 200, 599);
    }

    double probability(String name) {
        return number(name, 1);
    }

    /** Milliseconds in JSON, nanoseconds here; never less. */
    long duration(String name) {
        return (long) Math.ceil(number(name, LONGEST_MS) * 1e6);
    }

    <T> T object(String name, Function<Fields, T> reader) {
        return read(take(name), path(name), reader);
    }

    /** Null when the field is null or missing. */
    <T> T optional(String name, Function<Fields, T> reader) {
        return hasValue(name) ? object(name, reader) : null;
    }

    <T> List<T> objects(String name, Function<Fields, T> reader) {
        if (!(take(name) instanceof List<?> elements)) {
            throw mistake(members.get(name), path(name), "an array");
        }
        List<T> values = new ArrayList<>();
        for (Object element : elements) {
            values.add(read(element, path(name) + "[" + values.size() + "]", reader));
        }
        return values;
    }

    /** An object whose members may have any name. */
    Map<String, String> strings(String name) {
        if (!(take(name) instanceof Map<?, ?> object)) {
            throw mistake(members.get(name), path(name), "an object");
        }
        Map<String, String> strings = new LinkedHashMap<>();
        object.forEach((key, value) -> strings.put((String) key, string(value, path(name) + "." + key)));
        return strings;
    }

    private Object take(String name) {
        if (!has(name)) {
            throw new Mistake("missing field `" + name + "` in `" + where + "`");
        }
        return members.get(name);
    }

    private double number(String name, double most) {
        Object value = take(name);
        double number = value instanceof JsonNumber written ? Double.parseDouble(written.text()) : Double.NaN;
        if (0 <= number && number <= most) {
            return number;
        }
        throw mistake(value, path(name), "a number from 0 to " + most);
    }

    private String path(String name) {
        return where + "." + name;
    }

    private static String string(Object value, String where) {
        if (value instanceof String string) {
            return string;
        }
        throw mistake(value, where, "a string");
    }

    private static Mistake mistake(Object value, String where, String expected) {
        String text = new String(Json.write(value), StandardCharsets.UTF_8);
        String seen = text.length() > 80 ? text.substring(0, 80) + "..." : text;
        return new Mistake("`" + where + "` is " + seen + "; it must be " + expected);
    }
}

/** The first line of standard input (C1). */
record Bootstrap(String service, String version, String instance, Address listen, ControlEndpoint control, Address proxy,
        Map<String, Address> addresses, List<Call> calls, boolean inParallel, Behaviour behaviour, long seed,
        List<Call> firstCalls, boolean ownRetries) {
    static Bootstrap read(Fields fields) {
        return new Bootstrap(
                fields.string("service"),
                fields.string("version"),
                fields.string("instance"),
                Address.parse(fields.string("listen")),
                fields.object("control", ControlEndpoint::read),
                fields.hasValue("proxy") ? Address.parse(fields.string("proxy")) : null,
                readAddresses(fields.strings("addresses")),
                fields.objects("calls", Call::read),
                isParallel(fields.string("call_order")),
                fields.object("behaviour", Behaviour::read),
                fields.unsigned64("seed"),
                fields.has("first_calls") ? fields.objects("first_calls", Call::read) : List.of(),
                fields.has("own_retries") && fields.truth("own_retries"));
    }

    private static Map<String, Address> readAddresses(Map<String, String> texts) {
        Map<String, Address> addresses = new LinkedHashMap<>();
        texts.forEach((host, text) -> addresses.put(host, Address.parse(text)));
        return addresses;
    }

    private static boolean isParallel(String order) {
        return switch (order) {
            case "parallel" -> true;
            case "sequence" -> false;
            default -> throw new Mistake("`call_order` is `" + order + "`; it is either sequence or parallel");
        };
    }
}

/** Where to serve the control endpoint, and to whom. */
record ControlEndpoint(Address listen, String token) {
    static ControlEndpoint read(Fields fields) {
        return new ControlEndpoint(Address.parse(fields.string("listen")), fields.string("token"));
    }

    @Override
    public String toString() {
        return "control endpoint on " + listen; // the token is a secret
    }
}

/** An IP address, as it was written, and a port. */
record Address(String host, int port) {
    private static final Pattern FORM = Pattern.compile("([0-9.]+|\\[[0-9A-Fa-f:.]+]):([0-9]{1,5})");
    private static final Pattern IPV4 = Pattern.compile("((25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])(\\.(?!$)|$)){4}");

    static Address parse(String text) {
        Matcher form = FORM.matcher(text);
        if (form.matches() && Integer.parseInt(form.group(2)) <= 0xffff) {
            Address address = new Address(form.group(1), Integer.parseInt(form.group(2)));
            if (IPV4.matcher(address.host).matches() || address.isIpv6()) {
                return address;
            }
        }
        throw new Mistake("`" + text + "` is no numeric IPv4 address, or IPv6 address in brackets, with a port");
    }

    Address withPort(int taken) {
        return new Address(host, taken);
    }

    InetSocketAddress toSocketAddress() {
        return new InetSocketAddress(host, port); // which looks no name up, since this is none
    }

    private boolean isIpv6() {
        try {
            return host.startsWith("[") && InetAddress.getByName(host) != null;
        } catch (UnknownHostException error) {
            return false;
        }
    }

    @Override
    public String toString() {
        return host + ":" + port;
    }
}

/** A call to another service (C8). */
record Call(String method, Url url, Map<String, String> headers, String body) {
    private static final Set<String> RESERVED =
            Set.of("connection", "content-length", "expect", "host", "transfer-encoding", "upgrade");

    static Call read(Fields fields) {
        return new Call(fields.string("method"), Url.parse(fields.string("url")),
                fields.has("headers") ? fields.strings("headers") : Map.of(),
                fields.hasValue("body") ? fields.string("body") : null);
    }

    Call {
        if (!Headers.isToken(method) || method.equals("CONNECT")) {
            throw new Mistake("`" + method + "` is no method to call with");
        }
        headers.forEach((name, value) -> {
            if (!Headers.isToken(name) || RESERVED.contains(name.toLowerCase(Locale.ROOT)) || !value.matches("[\t -~]*")) {
                throw new Mistake(
                        "the header `" + name + "` cannot be sent: it is malformed, or the service sets it itself");
            }
        });
    }
}

/**
 * Where a call goes.
 *
 * @param text all of it, as it was written
 * @param authority host and port
 * @param path with its query; begins with a slash
 */
record Url(String text, String authority, String host, String path) {
    private static final Pattern FORM = Pattern.compile(
            "(?i:http)://((\\[[0-9A-Fa-f:.]+]|[A-Za-z0-9._~!$&'()*+,;=%-]+)(?::([0-9]{0,5}))?)([/?][!-~&&[^#]]*)?");

    static Url parse(String text) {
        Matcher form = FORM.matcher(text);
        String port = form.matches() ? form.group(3) : null;
        if (!form.matches() || port != null && !port.isEmpty() && Integer.parseInt(port) > 0xffff) {
            throw new Mistake("`" + text + "` is no absolute http URL without user information and fragment");
        }
        String path = form.group(4) == null ? "" : form.group(4);
        return new Url(text, form.group(1), form.group(2), path.startsWith("/") ? path : "/" + path);
    }
}

/** How to behave (C14). What is null does not happen; probabilities are from 0 to 1. */
record Behaviour(Integer status, Latency latency, FailFirst failFirst, FailPattern failPattern, FailShare failShare,
        Double resetBefore, Double resetAfter, Double truncate, boolean hang, SlowBody slowBody, Ticks ticks,
        CapacityLimit capacity, EffectRule effect, Duration idleClose, boolean dropTrace) {
    static Behaviour read(Fields fields) {
        return new Behaviour(
                fields.hasValue("status") ? fields.finalStatus("status") : null,
                fields.optional("latency", Latency::read),
                fields.optional("fail_first", FailFirst::read),
                fields.optional("fail_pattern", FailPattern::read),
                fields.optional("fail_share", FailShare::read),
                fields.hasValue("reset_before") ? fields.probability("reset_before") : null,
                fields.hasValue("reset_after") ? fields.probability("reset_after") : null,
                fields.hasValue("truncate") ? fields.probability("truncate") : null,
                fields.has("hang") && fields.truth("hang"),
                fields.optional("slow_body", SlowBody::read),
                fields.optional("ticks", Ticks::read),
                fields.optional("capacity", CapacityLimit::read),
                fields.optional("effect", EffectRule::read),
                fields.optional("idle_close", Behaviour::readIdleClose),
                fields.has("drop_trace") && fields.truth("drop_trace"));
    }

    private static Duration readIdleClose(Fields fields) {
        return Duration.ofNanos(fields.duration("ms"));
    }
}

/** How long the work takes (C16), in nanoseconds by rank; linear between these. A fixed one has one rank. */
record Latency(double[] ranks, long[] nanos) {
    static Latency read(Fields fields) {
        Latency fixed = fields.optional("fixed", Latency::readFixed);
        Latency percentiles = fields.optional("percentiles", Latency::readPercentiles);
        if ((fixed == null) == (percentiles == null)) {
            throw new Mistake("a latency is either `fixed` or given by `percentiles`");
        }
        return fixed != null ? fixed : percentiles;
    }

    private static Latency readFixed(Fields fields) {
        return new Latency(new double[] {0}, new long[] {fields.duration("ms")});
    }

    private static Latency readPercentiles(Fields fields) {
        long[] nanos = {0, fields.duration("p50_ms"), fields.duration("p90_ms"), fields.duration("p99_ms")};
        if (nanos[1] > nanos[2] || nanos[2] > nanos[3]) {
            throw new Mistake("`percentiles` must not fall: p50_ms <= p90_ms <= p99_ms");
        }
        return new Latency(new double[] {0, 0.5, 0.9, 0.99}, nanos);
    }

    long draw(SplittableRandom random) {
        int last = ranks.length - 1;
        if (last == 0) {
            return nanos[0];
        }
        double rank = random.nextDouble();
        for (int index = 1; index <= last; index++) {
            if (rank < ranks[index]) {
                double share = (rank - ranks[index - 1]) / (ranks[index] - ranks[index - 1]);
                return nanos[index - 1] + (long) Math.ceil(share * (nanos[index] - nanos[index - 1]));
            }
        }
        return nanos[last];
    }
}

/** C17. */
record FailFirst(long attempts, int status) {
    static FailFirst read(Fields fields) {
        return new FailFirst(fields.integer("attempts", 0, Fields.UNSIGNED_32), fields.finalStatus("status"));
    }
}

/** C32. */
record FailPattern(String pattern, int status) {
    static FailPattern read(Fields fields) {
        return new FailPattern(fields.string("pattern"), fields.finalStatus("status"));
    }

    FailPattern {
        if (!pattern.matches("[.x]{1,1000}")) {
            throw new Mistake("`fail_pattern.pattern` must be 1 to 1,000 characters, each `.` or `x`");
        }
    }

    /** Whether the request fails that arrives after {@code arrivals} others. */
    boolean failsAt(long arrivals) {
        return pattern.charAt((int) (arrivals % pattern.length())) == 'x';
    }
}

/** C18. */
record FailShare(double share, int status) {
    static FailShare read(Fields fields) {
        return new FailShare(fields.probability("share"), fields.finalStatus("status"));
    }
}

/** C21. */
record SlowBody(long pieces, long overNanos) {
    static SlowBody read(Fields fields) {
        return new SlowBody(fields.integer("pieces", 1, Fields.UNSIGNED_32), fields.duration("over_ms"));
    }
}

/** C35. */
record Ticks(int count, long everyNanos) {
    static Ticks read(Fields fields) {
        return new Ticks((int) fields.integer("count", 1, 1_000_000), fields.duration("every_ms"));
    }
}

/** C33. */
record CapacityLimit(long atOnce, long queue, int status) {
    static CapacityLimit read(Fields fields) {
        return new CapacityLimit(fields.integer("at_once", 1, Fields.UNSIGNED_32),
                fields.integer("queue", 0, Fields.UNSIGNED_32), fields.finalStatus("status"));
    }
}

/** C36. */
record EffectRule(boolean oncePerKey) {
    static EffectRule read(Fields fields) {
        return new EffectRule(fields.truth("once_per_key"));
    }
}

/** A number as it is written in JSON, so that it can be written again as it was. */
record JsonNumber(String text) {
}

/**
 * JSON (RFC 8259), both ways. Values are {@link Map}, {@link List}, {@link String}, {@link Boolean} and null; numbers are
 * {@link JsonNumber} when they were read, and may be any {@link Number} when they are written.
 */
final class Json {
    private static final int DEEPEST = 100;
    private static final Pattern FOUR_DIGITS = Pattern.compile("[0-9A-Fa-f]{4}");
    private static final Pattern NUMBER = Pattern.compile("-?(0|[1-9][0-9]*)(\\.[0-9]+)?([eE][+-]?[0-9]+)?");

    private final String text;
    private int position;

    private Json(String text) {
        this.text = text;
    }

    /**
     * The value that {@code bytes} hold as UTF-8. Of members of the same name, the last counts.
     *
     * @throws Mistake when they hold none
     */
    static Object parse(byte[] bytes) {
        Json json;
        try {
            json = new Json(StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString());
        } catch (CharacterCodingException error) {
            throw new Mistake("this is no JSON, since it is not UTF-8");
        }
        Object value = json.value(0);
        json.skipSpace();
        if (json.position < json.text.length()) {
            throw json.mistake("the end");
        }
        return value;
    }

    /** {@code value} on one line, in UTF-8. */
    static byte[] write(Object value) {
        StringBuilder output = new StringBuilder();
        write(value, output);
        return output.toString().getBytes(StandardCharsets.UTF_8);
    }

    /** An object, given by the names and values of its members in turn. */
    static Map<String, Object> object(Object... namesAndValues) {
        Map<String, Object> object = new LinkedHashMap<>();
        for (int index = 0; index < namesAndValues.length; index += 2) {
            object.put((String) namesAndValues[index], namesAndValues[index + 1]);
        }
        return object;
    }

    private Object value(int depth) {
        if (depth > DEEPEST) {
            throw mistake("less depth: at most " + DEEPEST + " levels");
        }
        skipSpace();
        return switch (peek()) {
            case '{' -> members(depth);
            case '[' -> elements(depth);
            case '"' -> string();
            case 't' -> word("true", true);
            case 'f' -> word("false", false);
            case 'n' -> word("null", null);
            default -> number();
        };
    }

    private Object word(String word, Object meaning) {
        if (!text.startsWith(word, position)) {
            throw mistake("a value");
        }
        position += word.length();
        return meaning;
    }

    private Map<String, Object> members(int depth) {
        Map<String, Object> members = new LinkedHashMap<>();
        position++;
        skipSpace();
        if (take('}')) {
            return members;
        }
        do {
            skipSpace();
            String name = string();
            skipSpace();
            expect(':');
            members.put(name, value(depth + 1));
            skipSpace();
        } while (take(','));
        expect('}');
        return members;
    }

    private List<Object> elements(int depth) {
        List<Object> elements = new ArrayList<>();
        position++;
        skipSpace();
        if (take(']')) {
            return elements;
        }
        do {
            elements.add(value(depth + 1));
            skipSpace();
        } while (take(','));
        expect(']');
        return elements;
    }

    private String string() {
        expect('"');
        StringBuilder string = new StringBuilder();
        while (!take('"')) {
            char next = peek();
            if (next < ' ') {
                throw mistake("a character that is no control character, or the end of the string");
            }
            position++;
            string.append(next == '\\' ? escaped() : next);
        }
        for (int index = 0; index < string.length(); index++) {
            int character = string.codePointAt(index);
            if (Character.MIN_SURROGATE <= character && character <= Character.MAX_SURROGATE) {
                throw mistake("a string without half a surrogate pair");
            }
            index += Character.charCount(character) - 1;
        }
        return string.toString();
    }

    private char escaped() {
        char next = peek();
        position++;
        return switch (next) {
            case '"', '\\', '/' -> next;
            case 'b' -> '\b';
            case 'f' -> '\f';
            case 'n' -> '\n';
            case 'r' -> '\r';
            case 't' -> '\t';
            case 'u' -> codeUnit();
            default -> throw mistake("an escape sequence before this");
        };
    }

    private char codeUnit() {
        Matcher digits = FOUR_DIGITS.matcher(text).region(position, text.length());
        if (!digits.lookingAt()) {
            throw mistake("four hexadecimal digits");
        }
        position = digits.end();
        return (char) Integer.parseInt(digits.group(), 16);
    }

    private JsonNumber number() {
        Matcher number = NUMBER.matcher(text).region(position, text.length());
        if (!number.lookingAt()) {
            throw mistake("a value");
        }
        position = number.end();
        return new JsonNumber(number.group());
    }

    private void skipSpace() {
        while (position < text.length() && " \t\r\n".indexOf(text.charAt(position)) >= 0) {
            position++;
        }
    }

    private char peek() {
        if (position == text.length()) {
            throw mistake("more");
        }
        return text.charAt(position);
    }

    private boolean take(char expected) {
        boolean isThere = peek() == expected;
        position += isThere ? 1 : 0;
        return isThere;
    }

    private void expect(char expected) {
        if (!take(expected)) {
            throw mistake("`" + expected + "`");
        }
    }

    private Mistake mistake(String expected) {
        return new Mistake("this is no JSON: at character " + (position + 1) + " there should be " + expected);
    }

    private static void write(Object value, StringBuilder output) {
        if (value instanceof String string) {
            writeString(string, output);
        } else if (value instanceof Map<?, ?> members) {
            String separator = "{";
            for (Map.Entry<?, ?> member : members.entrySet()) {
                output.append(separator);
                writeString((String) member.getKey(), output);
                write(member.getValue(), output.append(':'));
                separator = ",";
            }
            output.append(members.isEmpty() ? "{}" : "}");
        } else if (value instanceof List<?> elements) {
            String separator = "[";
            for (Object element : elements) {
                write(element, output.append(separator));
                separator = ",";
            }
            output.append(elements.isEmpty() ? "[]" : "]");
        } else if (value instanceof JsonNumber number) {
            output.append(number.text());
        } else {
            output.append(value); // null, a truth value or a number
        }
    }

    private static void writeString(String string, StringBuilder output) {
        output.append('"');
        for (int index = 0; index < string.length(); index++) {
            char next = string.charAt(index);
            switch (next) {
                case '"', '\\' -> output.append('\\').append(next);
                case '\n' -> output.append("\\n");
                case '\r' -> output.append("\\r");
                case '\t' -> output.append("\\t");
                default -> {
                    if (next < ' ') {
                        output.append("\\u00").append(next < 0x10 ? "0" : "").append(Integer.toHexString(next));
                    } else {
                        output.append(next);
                    }
                }
            }
        }
        output.append('"');
    }
}

package samovar.runtime;

import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;

/** The Runtime API over one plain connection: a function's own HTTP settings and agents don't touch it. */
final class Api {
    private static final String BASE = "/2018-06-01/runtime";

    private final String address;
    private Socket socket;
    private InputStream input;

    Api(String address) {
        this.address = address;
    }

    static final class Invocation {
        final String id;
        final String arn;
        final String trace;
        final String clientContext;
        final String identity;
        final String tenant;
        final long deadlineMs;
        final byte[] event;

        Invocation(Map<String, String> headers, byte[] event) {
            id = headers.get("lambda-runtime-aws-request-id");
            arn = headers.get("lambda-runtime-invoked-function-arn");
            trace = headers.get("lambda-runtime-trace-id");
            clientContext = headers.get("lambda-runtime-client-context");
            identity = headers.get("lambda-runtime-cognito-identity");
            tenant = headers.get("lambda-runtime-aws-tenant-id");
            deadlineMs = Long.parseLong(headers.get("lambda-runtime-deadline-ms"));
            this.event = event;
        }
    }

    Invocation next() throws IOException {
        Answer answer = ask("GET", "/invocation/next", new byte[0], "");
        if (answer.status != 200) throw new IOException("next was answered " + answer.status);
        return new Invocation(answer.headers, answer.body);
    }

    /** It has initialised and may be snapshot; returns when it goes on. */
    void restored() throws IOException {
        ask("GET", "/restore/next", new byte[0], "");
    }

    /** Tell something; `errorType` is null for a response. What the platform doesn't take it has answered for. */
    void post(String path, byte[] body, String errorType) throws IOException {
        String header = "Content-Type: application/json\r\nContent-Length: " + body.length + "\r\n";
        if (errorType != null) header += "Lambda-Runtime-Function-Error-Type: " + errorType + "\r\n";
        ask("POST", path, body, header);
    }

    private static final class Answer {
        int status;
        final Map<String, String> headers = new HashMap<>();
        byte[] body;
    }

    private Answer ask(String method, String path, byte[] body, String headers) throws IOException {
        ByteArrayOutputStream request = new ByteArrayOutputStream(body.length + 512);
        String head = method + " " + BASE + path + " HTTP/1.1\r\nHost: " + address + "\r\n" + headers + "\r\n";
        request.write(head.getBytes(StandardCharsets.ISO_8859_1));
        request.write(body);
        boolean fresh = socket == null;
        try {
            return exchange(request);
        } catch (IOException lost) {
            socket = null;
            if (fresh) throw lost;
            return exchange(request);
        }
    }

    private Answer exchange(ByteArrayOutputStream request) throws IOException {
        if (socket == null) {
            int colon = address.lastIndexOf(':');
            socket = new Socket(address.substring(0, colon), Integer.parseInt(address.substring(colon + 1)));
            socket.setTcpNoDelay(true);
            input = new BufferedInputStream(socket.getInputStream(), 65536);
        }
        request.writeTo(socket.getOutputStream());
        Answer answer = new Answer();
        answer.status = Integer.parseInt(line().split(" ")[1]);
        for (String line = line(); !line.isEmpty(); line = line()) {
            int colon = line.indexOf(':');
            answer.headers.put(line.substring(0, colon).toLowerCase(Locale.ROOT), line.substring(colon + 1).trim());
        }
        answer.body = new byte[Integer.parseInt(answer.headers.getOrDefault("content-length", "0"))];
        for (int at = 0; at < answer.body.length; ) {
            int count = input.read(answer.body, at, answer.body.length - at);
            if (count < 0) throw new EOFException();
            at += count;
        }
        return answer;
    }

    private String line() throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        for (int next = input.read(); next != '\n'; next = input.read()) {
            if (next < 0) throw new EOFException();
            if (next != '\r') bytes.write(next);
        }
        return new String(bytes.toByteArray(), StandardCharsets.UTF_8);
    }
}

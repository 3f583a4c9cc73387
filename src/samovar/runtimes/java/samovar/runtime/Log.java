package samovar.runtime;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** A function's logger: each message is one log event, framed on the standard output (facts/lambda-runtime.md §6). */
final class Log {
    private static final DateTimeFormatter TIME =
        DateTimeFormatter.ofPattern("yyyy-MM-dd'T'HH:mm:ss.SSS'Z'").withZone(ZoneOffset.UTC);
    private static final List<String> LEVELS = Arrays.asList("UNDEFINED", "TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL");
    private static final int TEXT = 0xa55a0003;
    private static final int JSON = 0xa55a0002;

    /** Of the invocation that runs. */
    volatile String requestId;

    private final boolean json;
    private final int least;
    private final FileOutputStream out = new FileOutputStream(FileDescriptor.out);

    Log(String format, String level) {
        json = "JSON".equalsIgnoreCase(format);
        least = level == null ? 0 : Math.max(LEVELS.indexOf(level.toUpperCase()), 0);
    }

    void failure(String text) {
        log(text, json ? "ERROR" : "UNDEFINED");
    }

    /** `level`: UNDEFINED, or TRACE to FATAL. */
    void log(String message, String level) {
        int number = Math.max(LEVELS.indexOf(level), 0);
        if (number > 0 && number < least) return;
        if (json) {
            Map<String, Object> record = new LinkedHashMap<>();
            record.put("timestamp", TIME.format(Instant.now()));
            record.put("message", message);
            record.put("level", level);
            if (requestId != null) record.put("AWSRequestId", requestId);
            frame(JSON, number, (Json.write(record) + "\n").getBytes(StandardCharsets.UTF_8));
        } else {
            String prefix = number == 0 ? "" : "[" + level + "] ";
            frame(TEXT, number, (prefix + message).getBytes(StandardCharsets.UTF_8));
        }
    }

    void log(byte[] message) {
        frame(json ? JSON : TEXT, 0, message);
    }

    private void frame(int type, int level, byte[] message) {
        Instant now = Instant.now();
        long micros = now.getEpochSecond() * 1_000_000 + now.getNano() / 1000;
        ByteBuffer frame = ByteBuffer.allocate(16 + message.length);
        frame.putInt(type | level << 2).putInt(message.length).putLong(micros).put(message);
        System.out.flush();
        try {
            synchronized (this) {
                out.write(frame.array());
            }
        } catch (IOException gone) {
            // Nobody listens any more: the platform has gone, and this process goes with it.
        }
    }
}

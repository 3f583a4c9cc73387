package samovar.runtime;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** A failure as it is told: to the invoker (payload) and in the log (described). */
final class Fault extends RuntimeException {
    private static final String OWN = Fault.class.getPackage().getName() + ".";
    private static final int DEEPEST = 20;

    private final String message;
    private final String error;
    private final Throwable thrown;

    /** `error`: the class named as the error's type, null for none. */
    Fault(String message, String error, Throwable thrown) {
        super(message, null, false, false);
        this.message = message;
        this.error = error;
        this.thrown = thrown;
    }

    static Fault of(Throwable thrown) {
        String text = thrown.getLocalizedMessage();
        return new Fault(text == null ? thrown.getClass().getName() : text, thrown.getClass().getName(), thrown);
    }

    /** For one of the function's loading: without a trace, as on AWS. */
    byte[] payload() {
        return Json.write(told(message, error, null)).getBytes(StandardCharsets.UTF_8);
    }

    /** For one that the function threw. */
    byte[] traced() {
        return Json.write(report(message, thrown, 0)).getBytes(StandardCharsets.UTF_8);
    }

    String described() {
        if (error == null) return message + "\n";
        StringWriter trace = new StringWriter();
        if (thrown != null) {
            cut(thrown, 0);
            thrown.printStackTrace(new PrintWriter(trace, true));
        }
        return message + ": " + error + "\n" + trace + "\n";
    }

    private Map<String, Object> report(String text, Throwable of, int depth) {
        Map<String, Object> told = told(text, depth == 0 ? error : of.getClass().getName(), frames(of));
        Throwable cause = of.getCause();
        if (cause != null && depth < DEEPEST) told.put("cause", report(cause.getLocalizedMessage(), cause, depth + 1));
        return told;
    }

    private static Map<String, Object> told(String message, String error, List<String> frames) {
        Map<String, Object> told = new LinkedHashMap<>();
        told.put("errorMessage", message);
        if (error != null) told.put("errorType", error);
        if (frames != null) told.put("stackTrace", frames);
        return told;
    }

    private static List<String> frames(Throwable of) {
        List<String> frames = new ArrayList<>();
        for (StackTraceElement element : of.getStackTrace()) {
            if (element.getClassName().startsWith(OWN)) break;
            frames.add(element.toString());
        }
        // What called a function by reflection isn't its own.
        while (!frames.isEmpty() && isReflection(frames.get(frames.size() - 1))) frames.remove(frames.size() - 1);
        return frames;
    }

    private static boolean isReflection(String frame) {
        return frame.contains("jdk.internal.reflect.") || frame.contains("java.lang.reflect.") || frame.contains("sun.reflect.");
    }

    /** Leave this runtime's own frames out of what will be printed. */
    private static void cut(Throwable of, int depth) {
        int kept = frames(of).size();
        StackTraceElement[] all = of.getStackTrace();
        StackTraceElement[] left = new StackTraceElement[Math.min(kept, all.length)];
        System.arraycopy(all, 0, left, 0, left.length);
        of.setStackTrace(left);
        if (depth == DEEPEST) return;
        if (of.getCause() != null) cut(of.getCause(), depth + 1);
        for (Throwable suppressed : of.getSuppressed()) cut(suppressed, depth + 1);
    }
}

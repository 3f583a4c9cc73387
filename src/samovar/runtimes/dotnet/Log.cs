using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Samovar.Runtime
{
    /// <summary>A function's log: each message is one log event, framed on the standard output
    /// (facts/lambda-runtime.md §6).</summary>
    internal sealed class Log
    {
        private const uint Text = 0xa55a0003, Json = 0xa55a0002;
        private static readonly string[] Levels =
            { "Trace", "Debug", "Information", "Warning", "Error", "Critical" };
        private static readonly string[] Short = { "trce", "dbug", "info", "warn", "fail", "crit" };
        private static readonly string[] Platform = { "TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL" };
        private static readonly Regex Hole = new Regex(@"\{[@$]?([^{}:,]*)[^{}]*\}");

        private readonly bool json;
        private readonly int least;
        private readonly Stream output = Console.OpenStandardOutput();

        /// <summary>Of the invocation that runs.</summary>
        internal volatile string RequestId, TraceId;

        internal Log(Func<string, string> variable)
        {
            json = string.Equals(variable("AWS_LAMBDA_LOG_FORMAT"), "JSON", StringComparison.OrdinalIgnoreCase);
            string level = variable("AWS_LAMBDA_HANDLER_LOG_LEVEL") ?? variable("AWS_LAMBDA_LOG_LEVEL");
            int known = Number(level ?? "");
            least = known < 0 ? 2 : known;
        }

        /// <summary>-1 for what is no level; "INFO" and "Information" are one.</summary>
        private static int Number(string level)
        {
            int at = Array.FindIndex(Levels, each => each.Equals(level, StringComparison.OrdinalIgnoreCase));
            return at >= 0 ? at : Array.IndexOf(Platform, level.ToUpperInvariant());
        }

        internal void Write(string level, string message, object[] values = null, Exception thrown = null)
        {
            int number = Math.Max(Number(level), 0);
            if (number < least) return;
            string id = RequestId;
            string now = DateTime.UtcNow.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);
            if (json)
            {
                Frame(Json, number, AsJson(now, Levels[number], id, message, values ?? new object[0], thrown));
                return;
            }
            string text = now + "\t" + id + "\t" + Short[number] + "\t" + Filled(message, values ?? new object[0], null);
            if (thrown != null) text += "\n" + thrown;
            Frame(Text, number, Encoding.UTF8.GetBytes(text));
        }

        private byte[] AsJson(string now, string level, string id, string message, object[] values, Exception thrown)
        {
            Dictionary<string, string> named = new Dictionary<string, string>();
            string text = Filled(message, values, named);
            MemoryStream bytes = new MemoryStream();
            using (Utf8JsonWriter writer = new Utf8JsonWriter(bytes))
            {
                writer.WriteStartObject();
                writer.WriteString("timestamp", now);
                writer.WriteString("level", level);
                if (id != null) writer.WriteString("requestId", id);
                if (TraceId != null) writer.WriteString("traceId", TraceId);
                writer.WriteString("message", text);
                foreach (KeyValuePair<string, string> pair in named) writer.WriteString(pair.Key, pair.Value);
                if (thrown != null)
                {
                    writer.WriteString("errorType", thrown.GetType().FullName);
                    writer.WriteString("errorMessage", thrown.Message);
                    writer.WriteStartArray("stackTrace");
                    foreach (string line in (thrown.StackTrace ?? "").Split('\n')) writer.WriteStringValue(line.Trim());
                    writer.WriteEndArray();
                }
                writer.WriteEndObject();
            }
            bytes.WriteByte((byte)'\n');
            return bytes.ToArray();
        }

        /// <summary>The message with its holes ({Name}) filled in order; what filled them goes into `named`.</summary>
        private static string Filled(string message, object[] values, Dictionary<string, string> named)
        {
            if (values.Length == 0) return message ?? "";
            int next = 0;
            return Hole.Replace(message ?? "", hole =>
            {
                if (next >= values.Length) return hole.Value;
                string value = Convert.ToString(values[next++], CultureInfo.InvariantCulture);
                if (named != null) named[hole.Groups[1].Value] = value;
                return value;
            });
        }

        private void Frame(uint type, int level, byte[] message)
        {
            long micros = (DateTime.UtcNow - new DateTime(1970, 1, 1, 0, 0, 0, DateTimeKind.Utc)).Ticks / 10;
            byte[] frame = new byte[16 + message.Length];
            Put(frame, 0, type | (uint)(level + 1) << 2, 4);
            Put(frame, 4, (ulong)message.Length, 4);
            Put(frame, 8, (ulong)micros, 8);
            message.CopyTo(frame, 16);
            lock (output)
            {
                output.Write(frame, 0, frame.Length);
                output.Flush();
            }
        }

        private static void Put(byte[] frame, int at, ulong value, int size)
        {
            for (int i = 0; i < size; i++) frame[at + i] = (byte)(value >> 8 * (size - 1 - i));
        }
    }

    /// <summary>What a function writes to the console: a message for each line.</summary>
    internal sealed class LogWriter : TextWriter
    {
        private readonly Log log;
        private readonly string level;
        private readonly StringBuilder line = new StringBuilder();

        internal LogWriter(Log log, string level) : base(CultureInfo.InvariantCulture)
        {
            this.log = log;
            this.level = level;
        }

        public override Encoding Encoding
        {
            get { return Encoding.UTF8; }
        }

        public override void Write(char value)
        {
            lock (line)
            {
                if (value != '\n') line.Append(value);
                else Send();
            }
        }

        public override void Write(string value)
        {
            lock (line) foreach (char each in value ?? "") Write(each);
        }

        /// <summary>One call is one message, whatever lines are in it.</summary>
        public override void WriteLine(string value)
        {
            lock (line)
            {
                line.Append(value);
                Send();
            }
        }

        public override void WriteLine()
        {
            lock (line) Send();
        }

        private void Send()
        {
            string text = line.ToString().TrimEnd('\r');
            line.Clear();
            log.Write(level, text);
        }
    }
}

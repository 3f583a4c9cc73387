using System;
using System.Collections.Generic;
using System.IO;
using System.Text;
using System.Text.Json;

namespace Samovar.Runtime
{
    /// <summary>Why a handler can't be used; told by the name that AWS's client has for it.</summary>
    internal sealed class LambdaValidationException : Exception
    {
        internal LambdaValidationException(string message) : base(message) { }
    }

    /// <summary>A failure as it is told: to the invoker (payload) and in the log (described).</summary>
    internal sealed class Fault
    {
        private const int Deepest = 20;
        private const string Own = "at Samovar.Runtime.";

        private readonly Exception thrown;

        private Fault(Exception thrown)
        {
            this.thrown = thrown;
        }

        /// <summary>What wraps the function's own exception isn't told.</summary>
        internal static Fault Of(Exception thrown)
        {
            while (thrown.InnerException != null && IsWrapper(thrown)) thrown = thrown.InnerException;
            return new Fault(thrown);
        }

        private static bool IsWrapper(Exception thrown)
        {
            AggregateException many = thrown as AggregateException;
            return many != null ? many.InnerExceptions.Count == 1
                : thrown is System.Reflection.TargetInvocationException || thrown is TypeInitializationException;
        }

        internal string Type
        {
            get { return thrown.GetType().Name; }
        }

        internal string Described
        {
            get
            {
                StringBuilder text = new StringBuilder(thrown.GetType().FullName + ": " + thrown.Message);
                foreach (string frame in Frames(thrown)) text.Append("\n   ").Append(frame);
                for (Exception inner = thrown.InnerException; inner != null; inner = inner.InnerException)
                {
                    text.Append("\n ---> ").Append(inner.GetType().FullName).Append(": ").Append(inner.Message);
                    foreach (string frame in Frames(inner)) text.Append("\n   ").Append(frame);
                }
                return text.ToString();
            }
        }

        internal byte[] Payload
        {
            get
            {
                MemoryStream bytes = new MemoryStream();
                using (Utf8JsonWriter json = new Utf8JsonWriter(bytes)) Write(json, thrown, 0);
                return bytes.ToArray();
            }
        }

        private static void Write(Utf8JsonWriter json, Exception of, int depth)
        {
            json.WriteStartObject();
            json.WriteString("errorType", of.GetType().Name);
            json.WriteString("errorMessage", of.Message);
            json.WriteStartArray("stackTrace");
            foreach (string frame in Frames(of)) json.WriteStringValue(frame);
            json.WriteEndArray();
            AggregateException many = of as AggregateException;
            if (depth < Deepest && many != null)
            {
                json.WriteStartArray("causes");
                foreach (Exception inner in many.InnerExceptions) Write(json, inner, depth + 1);
                json.WriteEndArray();
            }
            else if (depth < Deepest && of.InnerException != null)
            {
                json.WritePropertyName("cause");
                Write(json, of.InnerException, depth + 1);
            }
            json.WriteEndObject();
        }

        /// <summary>The function's own: neither this client's nor what called it by reflection.</summary>
        private static List<string> Frames(Exception of)
        {
            List<string> frames = new List<string>();
            foreach (string line in (of.StackTrace ?? "").Split('\n'))
            {
                string frame = line.Trim();
                if (frame.StartsWith(Own)) break;
                if (frame.Length > 0) frames.Add(frame);
            }
            while (frames.Count > 0 && IsReflection(frames[frames.Count - 1])) frames.RemoveAt(frames.Count - 1);
            return frames;
        }

        private static bool IsReflection(string frame)
        {
            return frame.StartsWith("at System.RuntimeMethodHandle.") || frame.StartsWith("at System.Reflection.")
                || frame.StartsWith("at System.Activator.") || frame.StartsWith("at System.RuntimeType.")
                || frame.StartsWith("at InvokeStub_") || frame.StartsWith("--- End of stack trace");
        }
    }
}

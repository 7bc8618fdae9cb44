#pragma once
// Points and vectors in float64; the few operations that unwrapping needs.

#include <cmath>

namespace sinter::texture {

struct Vec2 {
  double x = 0, y = 0;
  friend Vec2 operator+(Vec2 a, Vec2 b) { return {a.x + b.x, a.y + b.y}; }
  friend Vec2 operator-(Vec2 a, Vec2 b) { return {a.x - b.x, a.y - b.y}; }
  friend Vec2 operator*(double s, Vec2 a) { return {s * a.x, s * a.y}; }
  Vec2& operator+=(Vec2 b) { return *this = *this + b; }
  Vec2& operator-=(Vec2 b) { return *this = *this - b; }
  bool operator==(const Vec2&) const = default;
};

struct Vec3 {
  double x = 0, y = 0, z = 0;
  friend Vec3 operator+(const Vec3& a, const Vec3& b) { return {a.x + b.x, a.y + b.y, a.z + b.z}; }
  friend Vec3 operator-(const Vec3& a, const Vec3& b) { return {a.x - b.x, a.y - b.y, a.z - b.z}; }
  friend Vec3 operator*(double s, const Vec3& a) { return {s * a.x, s * a.y, s * a.z}; }
  Vec3& operator+=(const Vec3& b) { return *this = *this + b; }
  bool operator==(const Vec3&) const = default;
};

inline double dot(Vec2 a, Vec2 b) {
  return a.x * b.x + a.y * b.y;
}
/// Positive where b lies anticlockwise of a.
inline double cross(Vec2 a, Vec2 b) {
  return a.x * b.y - a.y * b.x;
}
inline double length(Vec2 a) {
  return std::sqrt(dot(a, a));
}
/// A quarter turn anticlockwise.
inline Vec2 perpendicular(Vec2 a) {
  return {-a.y, a.x};
}
/// Twice the signed area of a triangle, positive where it runs anticlockwise.
inline double orientation(Vec2 a, Vec2 b, Vec2 c) {
  return cross(b - a, c - a);
}

inline double dot(const Vec3& a, const Vec3& b) {
  return a.x * b.x + a.y * b.y + a.z * b.z;
}
inline Vec3 cross(const Vec3& a, const Vec3& b) {
  return {a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x};
}
inline double length(const Vec3& a) {
  return std::sqrt(dot(a, a));
}

}  // namespace sinter::texture
